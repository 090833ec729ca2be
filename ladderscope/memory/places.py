"""Where bytes are, by name of module and operation, with blocks of a model that are alike on one line.

A **place** is ``"model.layers.3.mlp.gate_proj: mm"``. Places with the same value that differ in a number alone are
folded into ``"model.layers.{0-2,4-15}.mlp.gate_proj: mm"``, and the value is then that of each of them.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from ladderscope.memory.names import plain_name

_WORKSPACE = "workspace"
BETWEEN = ": "
"""Stands between the module of a place and its operation."""
_NUMBER = re.compile("0|[1-9][0-9]{0,8}")
"""What is folded: ``"007"`` is a name, which its number would not give back."""
_RUN = re.compile(f"({_NUMBER.pattern})(?:-({_NUMBER.pattern}))?")
_FOLDED = re.compile(r"\{([0-9,-]+)\}")
_MOST_PLACES = 10**6
"""That one folded place may stand for; more than any model has, and what a slip in a file would ask for."""
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
    """The place of one block; that of a library's workspace is a phase, whichever module was the first to use it.

    What was made outside of modules has its phase in its name: forward, backward, the optimizer's step, or between.
    """
    if block.category == _WORKSPACE:
        module = block.phase
    else:
        module = plain_name(block.module) if block.module else f"(outside of modules, {block.phase})"
    # Braces are those of folded numbers, also where a user's module has some in its name.
    return f"{module.replace('{', '(').replace('}', ')')}{BETWEEN}{block.operation}"


def fold(values: Mapping[str, _V]) -> dict[str, _V]:
    """Places that differ in a number alone and have the same value as one, in order of their names.

    Raises:
        ValueError: some are folded already, and that as in :func:`unfold`.
    """
    folded = {tuple(_split(place)): value for place, value in unfold(values).items()}
    most = max((_count_numbers(parts) for parts in folded), default=0)
    for position in reversed(range(most)):
        folded = _fold_number(folded, position)
    return {_join(parts): folded[parts] for parts in sorted(folded, key=_sort_key)}


def unfold(values: Mapping[str, _V]) -> dict[str, _V]:
    """Every place by itself: the inverse of :func:`fold`.

    Raises:
        ValueError: numbers that :func:`fold` would not write, ``{3-1}``, or a place that is in two folded ones.
    """
    unfolded: dict[str, _V] = {}
    for folded, value in values.items():
        for place in _each(folded):
            if place in unfolded:
                raise ValueError(f"{place!r} is there twice")
            unfolded[place] = value
    return unfolded


def count(place: str) -> int:
    """How many places a folded one stands for.

    Raises:
        ValueError: as for :func:`unfold`.
    """
    number = math.prod(sum(map(len, _runs(part))) for part in _split(place)[:-1] if _FOLDED.fullmatch(part))
    if number > _MOST_PLACES:
        raise ValueError(f"{place!r} stands for {number} places")
    return number


_Parts = tuple[str, ...]
"""Parts of a module's name, and last the operation with what is between."""


def _split(place: str) -> list[str]:
    module, between, operation = place.partition(BETWEEN)
    return [*module.split("."), between + operation]


def _join(parts: Sequence[str]) -> str:
    return ".".join(parts[:-1]) + parts[-1]


def _is_number(part: str) -> bool:
    return _NUMBER.fullmatch(part) is not None or _FOLDED.fullmatch(part) is not None


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


def _runs(folded: str) -> list[range]:
    """The numbers of ``"{0-2,4}"``."""
    runs: list[range] = []
    for text in folded[1:-1].split(","):
        found = _RUN.fullmatch(text)
        run = range(int(found[1]), int(found[2] or found[1]) + 1) if found else range(0)
        if not run or (runs and run.start < runs[-1].stop):
            raise ValueError(f"{folded!r} are no numbers in their order")
        runs.append(run)
    return runs


def _each(place: str) -> list[str]:
    if "{" not in place:
        return [place]
    count(place)  # refuses what would fill the memory
    *names, operation = _split(place)
    choices = [itertools.chain(*_runs(part)) if _FOLDED.fullmatch(part) else (part,) for part in names]
    return [_join([*map(str, choice), operation]) for choice in itertools.product(*choices)]


def _sort_key(parts: _Parts) -> list[tuple[int, int, str]]:
    """Numbers in the order of numbers."""
    firsts = [re.match(r"\{?([0-9]{1,9})", part) if _is_number(part) else None for part in parts]
    return [(0, int(first[1]), part) if first else (1, 0, part) for first, part in zip(firsts, parts, strict=True)]
