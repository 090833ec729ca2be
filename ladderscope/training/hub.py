"""Data sets of the Hugging Face hub, and local folders of data files, through the ``datasets`` library."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from ladderscope.errors import DataError
from ladderscope.training.layouts import KNOWN_LAYOUTS, Example, read_example

DATASET_FORM = "ORG/NAME[/CONFIG][:SPLIT]"
_HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w.-]+(/[\w.-]+)?")
_FILE_ENDINGS = (".jsonl", ".json", ".txt", ".csv", ".parquet", ".md", ".gz")


def is_dataset_name(data: str) -> bool:
    """Whether ``data`` has the form of a hub data set, or is a local folder; either may end with ``:SPLIT``."""
    name, _ = _split_off(data)
    if Path(name).expanduser().is_dir():
        return True
    return _HUB_NAME.fullmatch(name) is not None and not name.endswith(_FILE_ENDINGS)


@functools.lru_cache(maxsize=2)  # checked first, trained on then
def load_dataset_examples(data: str) -> tuple[Example, ...]:
    """The examples of one split of a data set, in its order.

    Raises:
        DataError: the data set or the split cannot be had, or its columns hold no known layout.
    """
    rows = _load(data)
    first = read_example(rows[0]) if len(rows) else None
    if first is None:
        raise DataError(
            f"the data set {data!r} has "
            + (f"the columns {', '.join(rows.column_names)}" if len(rows) else "no rows")
            + f": it needs {KNOWN_LAYOUTS}."
        )
    return tuple(_example(values, data, number) for number, values in enumerate(rows))


def _example(values: Any, data: str, number: int) -> Example:
    example = read_example(values)
    if example is None:
        raise DataError(f"row {number} of the data set {data!r} is not like its first row: it needs {KNOWN_LAYOUTS}.")
    return example


def _load(data: str) -> Any:
    import datasets

    name, split = _split_off(data)
    datasets.disable_progress_bars()
    try:
        if Path(name).expanduser().is_dir():
            loaded = datasets.load_dataset(str(Path(name).expanduser()))
        else:
            organisation, repository, *config = name.split("/")
            loaded = datasets.load_dataset(f"{organisation}/{repository}", *config)
    except Exception as error:  # its readers and the hub's client raise whatever they meet
        raise DataError(f"cannot load the data set {data!r}: {_reason(error)}") from error
    return loaded[_choose_split(data, split, list(loaded))]


def _choose_split(data: str, split: str | None, splits: list[str]) -> str:
    wanted = split or ("train" if "train" in splits else splits[0] if len(splits) == 1 else None)
    if wanted not in splits:
        raise DataError(f"the data set {data!r} has the splits {', '.join(splits)}: name one as {DATASET_FORM}.")
    assert wanted is not None
    return wanted


def _split_off(data: str) -> tuple[str, str | None]:
    name, colon, split = data.rpartition(":")
    return (name, split) if colon and re.fullmatch(r"[\w.-]+", split) else (data, None)


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionError):
        return "the Hugging Face hub cannot be reached. Connect to it, or give a local file or folder."
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".") + "."
