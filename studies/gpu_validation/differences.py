"""Where a recorded step and its prediction part: runs of requests that only one side has, alike ones together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ladderscope.memory.places import place_of_block
from studies.gpu_validation.histories import History, Request

_NUMBER = re.compile(r"\b\d+\b")
NOWHERE = "(nothing)"
"""What stands before the first request and behind the last."""


@dataclass(frozen=True)
class Difference:
    """A stretch between two matched requests in which the sides differ.

    Args:
        at: how many recorded requests come before it.
        recorded: requests that only the recording has.
        predicted: requests that only the prediction has, in the same place.
        behind: the place in the code of the matched request before the stretch, as the prediction knows it.
        before: that of the matched request that follows.
    """

    at: int
    recorded: tuple[int, ...]
    predicted: tuple[Request, ...]
    behind: str
    before: str

    @property
    def num_bytes(self) -> int:
        """Of all requests of either side."""
        return sum(self.recorded) + sum(request.size for request in self.predicted)

    @property
    def kind(self) -> tuple[object, ...]:
        """The same for differences that are alike but for the number of their block."""
        asked = tuple((request.size, without_numbers(place(request))) for request in self.predicted)
        return self.recorded, asked, without_numbers(self.behind), without_numbers(self.before)


@dataclass(frozen=True)
class Kind:
    """Differences that are alike: how often there is one, and the first of them."""

    times: int
    first: Difference

    @property
    def num_bytes(self) -> int:
        """Of all of them."""
        return self.times * self.first.num_bytes


def differences(recorded: History, predicted: History, pairs: Sequence[tuple[int, int]]) -> list[Difference]:
    """All of them, in order.

    Args:
        recorded: the step as it was.
        predicted: the step as predicted.
        pairs: of matched requests, in order.
    """
    ends = (len(recorded.requests), len(predicted.requests))
    found = []
    for (i, j), (next_i, next_j) in itertools.pairwise([(-1, -1), *pairs, ends]):
        only_recorded = tuple(request.size for request in recorded.requests[i + 1 : next_i])
        only_predicted = tuple(predicted.requests[j + 1 : next_j])
        if only_recorded or only_predicted:
            behind, before = _place_at(predicted, j), _place_at(predicted, next_j)
            found.append(Difference(i + 1, only_recorded, only_predicted, behind, before))
    return found


def kinds(found: Iterable[Difference]) -> list[Kind]:
    """Differences by kind, those of most bytes first."""
    groups: dict[tuple[object, ...], list[Difference]] = {}
    for difference in found:
        groups.setdefault(difference.kind, []).append(difference)
    return sorted((Kind(len(group), group[0]) for group in groups.values()), key=lambda kind: -kind.num_bytes)


def place(request: Request) -> str:
    """Module and operation of a predicted request: ``"model.layers.3.mlp.gate_proj: mm"``."""
    return NOWHERE if request.allocation is None else place_of_block(request.allocation)


def without_numbers(text: str) -> str:
    """The same text for every block of a model: numbers that stand alone become ``*``."""
    return _NUMBER.sub("*", text)


def _place_at(history: History, index: int) -> str:
    return place(history.requests[index]) if 0 <= index < len(history.requests) else NOWHERE
