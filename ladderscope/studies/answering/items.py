"""What a task is, and the items that it consists of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from ladderscope.errors import DataError
from ladderscope.whole_files import write_atomically

RECIPE = "tasks-2"
"""Folder of the files, with a number that whoever changes how they are made counts up."""
TRAIN, TEST = "train.jsonl", "test.jsonl"
_DIGITS = 16

Way = Literal["choice", "exact", "generation"]
"""How a task is answered; see :mod:`ladderscope.studies.answering.asking`."""
Fits = Callable[[str, str], bool]
"""Whether a prompt and its completion, with the end of text, are short enough for the task's rows."""


@dataclass(frozen=True, slots=True)
class Item:
    """An example: the loss is on ``completion``.

    Attributes:
        prompt: stands before it.
        completion: of the prompt.
        answer: the number that the completion comes to, if it does.
        template: of which it is one with its own names and numbers; such items are right or wrong together.
    """

    prompt: str
    completion: str
    answer: str = ""
    template: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task.

    Attributes:
        name: of its folder, and in tables.
        way: how it is answered.
        seq_len: tokens of a training row; longer items are left out, of training and of the test.
        batch_size: rows of a step.
        train: items to train on.
        test: items of the test set.
        per_template: most test items of one template; 0 for any number.
        held_out: how many of these the held-out loss is taken on.
        choices: completions to choose from.
        new_tokens: most tokens that are written; items whose completion is longer are left out.
    """

    name: str
    way: Way
    seq_len: int
    batch_size: int
    train: int
    test: int
    held_out: int
    choices: tuple[str, ...] = ()
    new_tokens: int = 0
    per_template: int = 0

    @property
    def data(self) -> str:
        """Of its cells: a path below the studies' work folder, in which training runs."""
        return f"{RECIPE}/{self.name}/{TRAIN}"


def read_items(path: Path) -> list[Item]:
    """The items of a file.

    Raises:
        DataError: there is no such file, or it was not written by :func:`write_items`.
    """
    try:
        return [Item(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"cannot read the items of {path} ({error}): remove its folder, and run again.") from error


def write_items(path: Path, items: Sequence[Item]) -> None:
    """A JSON line for each."""
    lines = [
        json.dumps({name: value for name, value in asdict(item).items() if value not in ("", None)}) for item in items
    ]
    write_atomically(path, "".join(line + "\n" for line in lines), "the studies' folder")


def digest_of(folder: Path) -> str:
    """16 hexadecimal digits that depend on every byte of a task's two files."""
    whole = hashlib.sha256()
    for name in (TRAIN, TEST):
        whole.update(hashlib.sha256((folder / name).read_bytes()).digest())
    return whole.hexdigest()[:_DIGITS]
