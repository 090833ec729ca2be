"""Where training text comes from. A new source is one function and one branch in :func:`load_examples`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from ladderscope.errors import DataError

GSM_SYMBOLIC = "gsm-symbolic"
RANDOM = "random"
HELD_OUT_EXAMPLES = 8
_HELD_OUT_SEED = 987_654_321
_GENERATED = 100_000


@dataclass(frozen=True)
class Example:
    """A text to learn: the loss is on ``completion``, given ``prompt``. ``messages`` replaces both for chats."""

    completion: str
    prompt: str = ""
    messages: tuple[dict[str, str], ...] = ()


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
    if data not in (RANDOM, GSM_SYMBOLIC):
        load_examples(data, seed=0)


def load_examples(data: str, seed: int) -> ExampleSplit:
    """The examples of ``gsm-symbolic``, a ``.jsonl`` file or a text file; ``seed`` decides their order.

    Raises:
        DataError: the file cannot be read, or holds too little to train and to evaluate on.
    """
    if data == GSM_SYMBOLIC:
        held_out = list(islice(_gsm_symbolic(_HELD_OUT_SEED), HELD_OUT_EXAMPLES))
        return ExampleSplit(_gsm_symbolic(seed), held_out)
    path = Path(data).expanduser()
    if not path.is_file():
        raise DataError(
            f"unknown data {data!r}: give {GSM_SYMBOLIC}, {RANDOM}, or the path of a .jsonl or a text file."
        )
    return _jsonl(path, seed) if path.suffix == ".jsonl" else _text(path)


def _gsm_symbolic(seed: int) -> Iterator[Example]:
    import reasoning_gym

    problems = reasoning_gym.create_dataset("gsm_symbolic", size=_GENERATED, seed=seed)
    while True:
        for index in range(_GENERATED):
            problem = problems[index]
            yield Example(prompt=problem["question"] + "\n", completion=problem["metadata"]["answer_cot"])


def _jsonl(path: Path, seed: int) -> ExampleSplit:
    import random

    examples = [
        _parse_line(line, path, number) for number, line in enumerate(_read(path).split("\n"), 1) if line.strip()
    ]
    if len(examples) < 2:
        raise DataError(f"{path} holds {len(examples)} examples: at least 2 are needed, one of them to evaluate on.")
    num_held_out = min(HELD_OUT_EXAMPLES, max(1, len(examples) // 10))
    train, held_out = examples[:-num_held_out], examples[-num_held_out:]
    return ExampleSplit(_shuffled_epochs(train, random.Random(seed)), held_out)


def _shuffled_epochs(examples: list[Example], rng: Any) -> Iterator[Example]:
    while True:
        yield from rng.sample(examples, len(examples))


def _parse_line(line: str, path: Path, number: int) -> Example:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise DataError(f"line {number} of {path} is not JSON: give one JSON object per line.") from error
    if isinstance(values, dict) and _is_text(values.get("completion")) and _is_text(values.get("prompt", "")):
        return Example(prompt=values.get("prompt", ""), completion=values["completion"])
    messages = values.get("messages") if isinstance(values, dict) else None
    if (
        isinstance(messages, list)
        and len(messages) > 1
        and all(_is_message(m) for m in messages)
        and messages[-1]["role"] == "assistant"
    ):
        return Example(completion=messages[-1]["content"], messages=tuple(messages))
    raise DataError(
        f"line {number} of {path} has neither `prompt` and `completion`, nor `messages` that end with the assistant's."
    )


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and isinstance(value.get("content"), str)


def _text(path: Path) -> ExampleSplit:
    text = _read(path)
    if not text.strip():
        raise DataError(f"{path} is empty: give a file with text to train on.")
    cut = max(1, len(text) * 9 // 10)
    return ExampleSplit(iter([Example(completion=text[:cut])]), [Example(completion=text[cut:])], continuous=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} as UTF-8 text: {error}.") from error
