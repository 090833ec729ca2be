"""Which recorded request is which predicted one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence

from studies.gpu_validation.histories import History
from studies.gpu_validation.joining import joined
from studies.prediction_accuracy.alignment import matching_pairs

_Pairs = list[tuple[int, int]]
_SHORT = 8
"""Requests: what lives for longer may live for a few more or less where a side has requests of its own."""


def matched_requests(recorded: History, predicted: History) -> _Pairs:
    """Places of requests of the same size, in order, as many as there can be.

    Requests of one size stand next to each other everywhere. So those that also live for the same number of requests
    are matched first, then, between them, those that live for about as long, and the others by size alone; unless
    that loses matches.
    """
    found: _Pairs = []
    for lifetime in (_exactly, _roughly):
        found = _refined(found, _keys(recorded, lifetime), _keys(predicted, lifetime))
    found = _refined(found, recorded.sizes, predicted.sizes)
    by_size = matching_pairs(recorded.sizes, predicted.sizes)
    return joined(found if len(found) >= len(by_size) else by_size, recorded.sizes, predicted.sizes)


def _refined(anchors: _Pairs, first: Sequence[Hashable], second: Sequence[Hashable]) -> _Pairs:
    """The anchors, and between them what has equal keys."""
    found: _Pairs = []
    for (i, j), end in itertools.pairwise([(-1, -1), *anchors, (len(first), len(second))]):
        between = matching_pairs(first[i + 1 : end[0]], second[j + 1 : end[1]])
        found += [*((i + 1 + a, j + 1 + b) for a, b in between), end]
    return found[:-1]


def _keys(history: History, lifetime: Callable[[int], int]) -> list[tuple[int, int | None]]:
    return [
        (one.size, None if one.freed_behind is None else lifetime(one.freed_behind - place))
        for place, one in enumerate(history.requests)
    ]


def _exactly(requests: int) -> int:
    return requests


def _roughly(requests: int) -> int:
    return requests if requests <= _SHORT else _SHORT + round(2 * math.log2(requests / _SHORT))
