"""Reads the lengths of rows: a range, a file of numbers, or a data set that the model's tokenizer counts."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from ladderscope.backbones.names import resolve_name
from ladderscope.errors import DataError, UsageError
from ladderscope.planning.lengths import Lengths

FORMS = (
    "a range as 128:768, a file with a length or `length count` on each line, or a .jsonl data set of the kind that "
    "`ladderscope train` reads"
)
SHORTEST_CUT = 2
_RANGE = re.compile(r"\s*(-?\d+)\s*:\s*(-?\d+)\s*")
_SEPARATORS = re.compile(r"[\s,;]+")
_HEADER = re.compile(r"[A-Za-z_]\w*([\s,;]+[A-Za-z_]\w*)?")


def is_range(text: str) -> bool:
    """Whether ``text`` is a range of lengths as ``128:768``, sensible or not."""
    return _RANGE.fullmatch(text) is not None


def read_lengths(text: str, model: str, longest_row: int, cut: int | None = None) -> Lengths:
    """The lengths that ``text`` names.

    Args:
        text: ``128:768``, for lengths that are equally likely, or the path of a file.
        model: whose tokenizer counts a data set.
        longest_row: tokens that the model reads.
        cut: tokens that longer rows are cut to; None cuts none.

    Raises:
        UsageError: a range that makes no sense, or rows that are longer than the model reads.
        DataError: a file that cannot be read, is empty, or holds what is no length.
    """
    if cut is not None and cut < SHORTEST_CUT:
        raise UsageError(f"rows can be cut to {SHORTEST_CUT} tokens at least: raise --seq-len from {cut}.")
    found = _RANGE.fullmatch(text)
    lengths = _range(int(found[1]), int(found[2]), text) if found else _of_file(Path(text).expanduser(), model)
    if cut is not None:
        lengths = lengths.cut_at(cut)
    if too_long := lengths.num_longer(longest_row):
        rows = f"{too_long} of {lengths.num_rows} {'lengths' if found else 'rows'}"
        raise UsageError(
            f"{rows} in {text} are longer than the {longest_row} tokens that {model} reads, and would be cut: "
            f"give --lengths {text} --seq-len {longest_row} to cut them there."
        )
    return lengths


def _range(shortest: int, longest: int, text: str) -> Lengths:
    if shortest < 1:
        raise UsageError(f"a row has at least 1 token: start the range {text} at 1 or above.")
    if shortest > longest:
        raise UsageError(f"the range {text} is the wrong way round: give {longest}:{shortest}.")
    return Lengths.between(shortest, longest)


def _of_file(path: Path, model: str) -> Lengths:
    if not path.is_file():
        raise DataError(f"there is no file {path}: give {FORMS}.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path} as UTF-8 text: {error}.") from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if numbered and numbered[0][1].startswith("{"):
        return _of_data_set(path, model)
    if numbered and _HEADER.fullmatch(numbered[0][1]):
        numbered = numbered[1:]
    counts: Counter[int] = Counter()
    for number, line in numbered:
        length, count = _parse(line, number, path)
        counts[length] += count
    if not counts.total():
        raise DataError(f"{path} holds no lengths: give {FORMS}.")
    return Lengths.of(counts)


def _parse(line: str, number: int, path: Path) -> tuple[int, int]:
    """A length and how many rows have it."""
    fields = _SEPARATORS.split(line.strip(",; "))
    try:
        length, count = map(int, fields if len(fields) == 2 else [*fields, 1])
    except ValueError as error:
        shown = line if len(line) <= 40 else line[:37] + "..."
        raise DataError(
            f"line {number} of {path} is {shown!r}: give a length in whole tokens, or a length and a number of rows."
        ) from error
    if length < 1 or count < 0:
        raise DataError(f"line {number} of {path} is {line!r}: lengths start at 1 token, numbers of rows at 0.")
    return length, count


def _of_data_set(path: Path, model: str) -> Lengths:
    """Tokens of each example with its end of text, not packed."""
    # Late: they bring PyTorch along, which a file of numbers does not need.
    from jinja2 import TemplateError

    from ladderscope.backbones.loading import load_tokenizer
    from ladderscope.training.batches import to_row
    from ladderscope.training.examples import read_source

    name = resolve_name(model)
    if not name.has_tokenizer:
        raise UsageError(
            f"{model} has no tokenizer to count the tokens in {path}: give a model folder or a hub name, or a file "
            "with a length on each line."
        )
    if path.suffix != ".jsonl":
        raise DataError(f"{path} looks like a data set in JSON lines: rename it to end with .jsonl.")
    examples, tokenizer = read_source(str(path)).examples, load_tokenizer(name)
    if any(example.messages for example in examples) and not getattr(tokenizer, "chat_template", None):
        raise UsageError(f"the tokenizer of {model} has no chat template, which `messages` in {path} need.")
    try:
        return Lengths.of(Counter(len(to_row(example, tokenizer).tokens) for example in examples))
    except TemplateError as error:
        raise DataError(f"the model's chat template refuses a chat of {path}: {error}.") from error
