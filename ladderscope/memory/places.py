"""Where bytes are, by name of module and operation, with blocks of a model that are alike on one line.

A **place** is ``"model.layers.3.mlp.gate_proj: mm"``. Places with the same value that differ in a number alone are
folded into ``"model.layers.{0-2,4-15}.mlp.gate_proj: mm"``, and the value is then that of each of them.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Protocol, TypeVar

from ladderscope.memory.names import plain_name

_WORKSPACE = "workspace"
_BETWEEN = ": "
_FOLDED = re.compile(r"\{([\d,-]+)\}")
_V = TypeVar("_V", bound=Hashable)


class Placed(Protocol):
    """What is known of a block of memory: :class:`~ladderscope.memory.predict.allocations.Allocation`."""

    num_bytes: int
    category: str
    module: str
    operation: str
    phase: str


def places_by_category(live: Iterable[Placed]) -> dict[str, dict[str, int]]:
    """Bytes by category and folded place.

    Args:
        live: blocks that are in use at a moment. What the allocator adds to their sizes is not counted.
    """
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for block in live:
        sums[block.category][place_of_block(block)] += block.num_bytes
    return {category: fold(sums[category]) for category in sorted(sums)}


def place_of_block(block: Placed) -> str:
    """The place of one block; that of a library's workspace is a phase, whichever module was the first to use it."""
    module = block.phase if block.category == _WORKSPACE else plain_name(block.module)
    return f"{module}{_BETWEEN}{block.operation}"


def fold(values: Mapping[str, _V]) -> dict[str, _V]:
    """Places that differ in a number alone and have the same value as one, in order of their names."""
    folded = {tuple(_split(place)): value for place, value in values.items()}
    most = max((_count_numbers(parts) for parts in folded), default=0)
    for position in reversed(range(most)):
        folded = _fold_number(folded, position)
    return {_join(parts): folded[parts] for parts in sorted(folded, key=_sort_key)}


def unfold(values: Mapping[str, _V]) -> dict[str, _V]:
    """Every place by itself: the inverse of :func:`fold`."""
    return {place: value for folded, value in values.items() for place in _each(folded)}


def count(place: str) -> int:
    """How many places a folded one stands for."""
    product = 1
    for numbers in _FOLDED.findall(place):
        product *= len(_numbers(numbers))
    return product


_Parts = tuple[str, ...]
"""Parts of a module's name, and last the operation."""


def _split(place: str) -> list[str]:
    module, _, operation = place.partition(_BETWEEN)
    return [*module.split("."), operation]


def _join(parts: _Parts) -> str:
    return ".".join(parts[:-1]) + _BETWEEN + parts[-1]


def _is_number(part: str) -> bool:
    return part.isdecimal() or part.startswith("{")


def _count_numbers(parts: _Parts) -> int:
    return sum(map(_is_number, parts[:-1]))


def _fold_number(values: Mapping[_Parts, _V], position: int) -> dict[_Parts, _V]:
    alike: defaultdict[tuple[_Parts, int, _V], list[int]] = defaultdict(list)
    result: dict[_Parts, _V] = {}
    for parts, value in values.items():
        at = [i for i, part in enumerate(parts[:-1]) if _is_number(part)]
        if position >= len(at):
            result[parts] = value
            continue
        where = at[position]
        alike[(*parts[:where], "*", *parts[where + 1 :]), where, value].append(int(parts[where]))
    for (pattern, where, value), numbers in alike.items():
        text = str(numbers[0]) if len(numbers) == 1 else "{" + _ranges(sorted(numbers)) + "}"
        result[(*pattern[:where], text, *pattern[where + 1 :])] = value
    return result


def _ranges(numbers: list[int]) -> str:
    parts = []
    for _, run in itertools.groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        first, *_, last = [number for _, number in run] * 2
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)


def _numbers(ranges: str) -> list[int]:
    numbers: list[int] = []
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _each(place: str) -> list[str]:
    texts = _FOLDED.split(place)
    choices = [[text] if i % 2 == 0 else [str(n) for n in _numbers(text)] for i, text in enumerate(texts)]
    return ["".join(choice) for choice in itertools.product(*choices)]


def _sort_key(parts: _Parts) -> list[tuple[int, int, str]]:
    """Numbers in the order of numbers."""
    firsts = [re.match(r"\{?(\d+)", part) for part in parts]
    return [(0, int(first[1]), part) if first else (1, 0, part) for first, part in zip(firsts, parts, strict=True)]
