"""Which requests of one list are those of another: the longest common subsequence of two lists of sizes."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def matching_pairs(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Places of equal items in both lists, in order, as many as there can be.

    Where there is a choice, pairs stand close to the ends of the lists. A row of the usual table is one long integer
    (Hyyro 2004, "Bit-parallel LCS-length computation revisited"), so that ten thousand requests take a second.
    """
    shorter = min(len(first), len(second))
    head = next((i for i in range(shorter) if first[i] != second[i]), shorter)
    rest = shorter - head
    tail = next((i for i in range(rest) if first[-1 - i] != second[-1 - i]), rest)
    middle = _pairs(first[head : len(first) - tail], second[head : len(second) - tail])
    return [
        *((i, i) for i in range(head)),
        *((head + i, head + j) for i, j in middle),
        *((len(first) - i, len(second) - i) for i in range(tail, 0, -1)),
    ]


def _pairs(first: Sequence[Hashable], second: Sequence[Hashable]) -> list[tuple[int, int]]:
    places: dict[Hashable, int] = {}
    for i, item in enumerate(first):
        places[item] = places.get(item, 0) | 1 << i
    everywhere = (1 << len(first)) - 1
    row = everywhere
    rows = [row]
    for item in second:
        hits = row & places.get(item, 0)
        row = ((row + hits) | (row - hits)) & everywhere
        rows.append(row)
    return _walked_back(first, second, rows)


def _walked_back(first: Sequence[Hashable], second: Sequence[Hashable], rows: list[int]) -> list[tuple[int, int]]:
    pairs = []
    i, j = len(first), len(second)
    while i and j:
        if first[i - 1] == second[j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif rows[j] >> (i - 1) & 1:  # without this item of the first list as many can be matched
            i -= 1
        else:
            j -= 1
    return pairs[::-1]
