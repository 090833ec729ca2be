"""How long blocks live, and what was there at the start: the rest of what makes a peak, beside the requests."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from studies.gpu_validation.differences import place, without_numbers
from studies.gpu_validation.histories import History, Request


@dataclass(frozen=True)
class Lifetime:
    """Matched requests of one size and operation that are freed earlier or later than predicted.

    Args:
        times: how many.
        size: of each, in bytes.
        where: module and operation of the first.
        later_by: for how many matched requests the first lives longer in the recording; negative: shorter; None: one
            side does not free it in this step at all.
        outlives: which side keeps it beyond the step, ``"recorded"`` or ``"predicted"``; empty where both free it.
    """

    times: int
    size: int
    where: str
    later_by: int | None
    outlives: str


def lifetimes(recorded: History, predicted: History, pairs: Sequence[tuple[int, int]]) -> list[Lifetime]:
    """Matched requests that do not live for as long as predicted, those of most bytes first.

    Time is counted in matched requests, so that what only one side asks for does not count.
    """
    matched_recorded, matched_predicted = [i for i, _ in pairs], [j for _, j in pairs]
    groups: defaultdict[tuple[object, ...], list[tuple[Request, int | None, str]]] = defaultdict(list)
    for i, j in pairs:
        mine, theirs = recorded.requests[i], predicted.requests[j]
        end = None if mine.freed_behind is None else bisect_left(matched_recorded, mine.freed_behind)
        expected = None if theirs.freed_behind is None else bisect_left(matched_predicted, theirs.freed_behind)
        if end == expected:
            continue
        later_by = end - expected if end is not None and expected is not None else None
        outlives = "recorded" if end is None else "predicted" if expected is None else ""
        kind = (mine.size, without_numbers(place(theirs)), outlives, (later_by or 0) > 0)
        groups[kind].append((theirs, later_by, outlives))
    found = [Lifetime(len(group), group[0][0].size, place(group[0][0]), *group[0][1:]) for group in groups.values()]
    return sorted(found, key=lambda lifetime: -lifetime.times * lifetime.size)


@dataclass(frozen=True)
class Held:
    """Blocks of one size that were there at the start on one side more often than on the other."""

    size: int
    recorded: int
    predicted: int
    where: tuple[str, ...]
    """Of all predicted blocks of this size, without numbers of blocks."""

    @property
    def num_bytes(self) -> int:
        """By which the sides differ."""
        return abs(self.recorded - self.predicted) * self.size


def held_at_start(recorded: History, predicted: History) -> list[Held]:
    """Where the blocks that were there when the step began differ, most bytes first."""
    mine = Counter(request.size for request in recorded.at_start)
    theirs = Counter(request.size for request in predicted.at_start)
    places: defaultdict[int, dict[str, None]] = defaultdict(dict)
    for request in predicted.at_start:
        places[request.size][without_numbers(place(request))] = None
    found = [
        Held(size, mine[size], theirs[size], tuple(places[size]))
        for size in mine | theirs
        if mine[size] != theirs[size]
    ]
    return sorted(found, key=lambda held: -held.num_bytes)
