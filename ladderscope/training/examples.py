"""Where training text comes from. A new source is one function and one branch in :func:`load_examples`."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ladderscope.errors import DataError
from ladderscope.training.hub import DATASET_FORM, is_dataset_name, load_dataset_examples
from ladderscope.training.layouts import Example, read_example

GSM_SYMBOLIC = "gsm-symbolic"
RANDOM = "random"
RANDOM_PADDED = "random-padded"
"""Random tokens too, in rows of unequal lengths, padded and masked."""
WITHOUT_TEXT = (RANDOM, RANDOM_PADDED)
HELD_OUT_EXAMPLES = 8
_HELD_OUT_SEED = 987_654_321
_GENERATED = 100_000
GSM_SYMBOLIC_EXAMPLES = 2000
"""How many of the endless problems make a data set, where one with an end is asked for."""


@dataclass(frozen=True)
class ExampleSplit:
    """``train`` may be endless, ``held_out`` is fixed, whatever the seed; ``continuous`` text has no examples."""

    train: Iterator[Example]
    held_out: list[Example]
    continuous: bool = False


def check_data(data: str) -> None:
    """Find out early whether ``data`` can be read.

    Raises:
        DataError: it cannot, or there is nothing in it.
    """
    if data not in (*WITHOUT_TEXT, GSM_SYMBOLIC):
        load_examples(data, seed=0)


def shape_of(data: str) -> str:
    """Random tokens in the shape of ``data``, which is all that memory depends on: padded rows, or full ones."""
    return data if data == RANDOM_PADDED else RANDOM


def load_examples(data: str, seed: int) -> ExampleSplit:
    """The examples of ``gsm-symbolic``, a file or a data set, endless where there are examples.

    Args:
        data: see :func:`read_source`.
        seed: decides their order.

    Raises:
        DataError: the data cannot be read, or holds too little to train and to evaluate on.
    """
    if data == GSM_SYMBOLIC:
        held_out = list(islice(_gsm_symbolic(_HELD_OUT_SEED), HELD_OUT_EXAMPLES))
        return ExampleSplit(_gsm_symbolic(seed), held_out)
    source = read_source(data)
    if source.continuous:
        (text,) = source.examples
        train, held_out_text = split_text(text, at=len(text.completion) * 9 // 10)
        return ExampleSplit(iter([train]), [held_out_text], continuous=True)
    return _split(source.examples, data, seed)


@dataclass(frozen=True)
class Source:
    """All examples of a data set in its order; ``continuous`` text is one example without a prompt."""

    examples: list[Example]
    continuous: bool = False


def read_source(data: str) -> Source:
    """Everything in ``data``.

    Args:
        data: ``gsm-symbolic``, of which ``GSM_SYMBOLIC_EXAMPLES`` are made, a ``.jsonl`` file, a text file, a folder
            of data files, or the name of a data set on the hub.

    Raises:
        DataError: it cannot be read, or is empty.
    """
    if data == GSM_SYMBOLIC:
        return Source(list(islice(_gsm_symbolic(seed=0), GSM_SYMBOLIC_EXAMPLES)))
    path = Path(data).expanduser()
    if path.is_file():
        return Source(_jsonl(path)) if path.suffix == ".jsonl" else Source([_text(path)], continuous=True)
    if is_dataset_name(data):
        return Source(list(load_dataset_examples(data)))
    raise DataError(
        f"unknown data {data!r}: give {GSM_SYMBOLIC}, {RANDOM}, {RANDOM_PADDED}, the path of a .jsonl or a text file, "
        f"or a data set as {DATASET_FORM}."
    )


def split_text(text: Example, at: int) -> tuple[Example, Example]:
    """The text up to character ``at``, and the rest."""
    at = max(1, at)
    return Example(completion=text.completion[:at]), Example(completion=text.completion[at:])


def _gsm_symbolic(seed: int) -> Iterator[Example]:
    import reasoning_gym

    problems = reasoning_gym.create_dataset("gsm_symbolic", size=_GENERATED, seed=seed)
    while True:
        for index in range(_GENERATED):
            problem = problems[index]
            yield Example(prompt=problem["question"] + "\n", completion=problem["metadata"]["answer_cot"])


def _split(examples: list[Example], data: str, seed: int) -> ExampleSplit:
    if len(examples) < 2:
        raise DataError(f"{data} holds {len(examples)} examples: at least 2 are needed, one of them to evaluate on.")
    num_held_out = min(HELD_OUT_EXAMPLES, max(1, len(examples) // 10))
    train, held_out = examples[:-num_held_out], examples[-num_held_out:]
    return ExampleSplit(_shuffled_epochs(train, random.Random(seed)), held_out)


def _shuffled_epochs(examples: list[Example], rng: random.Random) -> Iterator[Example]:
    while True:
        yield from rng.sample(examples, len(examples))


def _jsonl(path: Path) -> list[Example]:
    return [_parse_line(line, path, number) for number, line in enumerate(_read(path).split("\n"), 1) if line.strip()]


def _parse_line(line: str, path: Path, number: int) -> Example:
    try:
        example = read_example(json.loads(line))
    except ValueError as error:
        raise DataError(f"line {number} of {path} is not JSON: give one JSON object per line.") from error
    if example is None:
        raise DataError(
            f"line {number} of {path} has neither `prompt` and `completion`, nor `messages` that end with the "
            "assistant's."
        )
    return example


def _text(path: Path) -> Example:
    text = _read(path)
    if not text.strip():
        raise DataError(f"{path} is empty: give a file with text to train on.")
    return Example(completion=text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} as UTF-8 text: {error}.") from error
