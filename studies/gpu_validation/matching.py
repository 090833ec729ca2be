"""Which recorded request is which predicted one."""

from __future__ import annotations

import itertools

from studies.gpu_validation.histories import History
from studies.prediction_accuracy.alignment import matching_pairs

_ALWAYS = -1
"""Stands for the lifetime of what outlives the step."""


def matched_requests(recorded: History, predicted: History) -> list[tuple[int, int]]:
    """Places of requests of the same size, in order, as many as there can be.

    Requests of one size stand next to each other everywhere. So those that also live for the same number of requests
    are matched first, and the others between them by size alone, unless that loses matches.
    """
    anchors = matching_pairs(_lives(recorded), _lives(predicted))
    ends = (len(recorded.requests), len(predicted.requests))
    found: list[tuple[int, int]] = []
    mine, theirs = recorded.sizes, predicted.sizes
    for (i, j), (next_i, next_j) in itertools.pairwise([(-1, -1), *anchors, ends]):
        between = matching_pairs(mine[i + 1 : next_i], theirs[j + 1 : next_j])
        found += [(i + 1 + a, j + 1 + b) for a, b in between]
        found += [(next_i, next_j)] * ((next_i, next_j) != ends)
    by_size = matching_pairs(mine, theirs)
    return found if len(found) >= len(by_size) else by_size


def _lives(history: History) -> list[tuple[int, int]]:
    """Size, and how many requests are made while it lives, of every request."""
    return [
        (request.size, _ALWAYS if request.freed_behind is None else request.freed_behind - place)
        for place, request in enumerate(history.requests)
    ]
