"""Joins differences that stand close: among requests of one size in a row, it is open which one is missing."""

from __future__ import annotations

from collections.abc import Sequence

_Pairs = list[tuple[int, int]]


def joined(pairs: _Pairs, first: Sequence[int], second: Sequence[int]) -> _Pairs:
    """As many pairs, with differences on one side moved to the right where they meet the next difference.

    ``[A B]`` beside ``[A A C]`` is then a ``B`` in place of ``A C``, and not an ``A`` too many and a ``B`` for ``C``.

    Args:
        pairs: places of equal sizes in both lists, in order.
        first: sizes of one list.
        second: those of the other.
    """
    once = _moved(pairs, first, second)
    return [(i, j) for j, i in _moved([(j, i) for i, j in once], second, first)]


def _moved(pairs: _Pairs, first: Sequence[int], second: Sequence[int]) -> _Pairs:
    """Moves what only ``second`` has."""
    found = list(pairs)
    for position, (i, j) in enumerate(found):
        before = found[position - 1] if position else (-1, -1)
        width = j - before[1] - 1
        if i != before[0] + 1 or not width:
            continue
        length = _run(found, position)
        if position + length == len(found) and i + length == len(first) and j + length == len(second):
            continue  # at the end there is nothing to meet
        if all(first[i + k] == second[j + k - width] for k in range(length)):
            found[position : position + length] = [(i + k, j + k - width) for k in range(length)]
    return found


def _run(pairs: _Pairs, position: int) -> int:
    """How many pairs follow each other on both sides from here on."""
    i, j = pairs[position]
    length = 1
    while position + length < len(pairs) and pairs[position + length] == (i + length, j + length):
        length += 1
    return length
