"""The shortest chain with which a method still answers about as well as Ladder with a long one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import common_basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.shares import accuracy_text

from .outcome import accuracy, runs_of, tokens
from .plan import ARMS, GRANULARITIES, LONG, REFERENCE
from .tables import every


def shortest_table(records: Sequence[Record], bounds: Mapping[str, float]) -> Table:
    """For each arm, the granularity with the fewest tokens written that keeps enough of Ladder's accuracy."""
    basis, kept = common_basis(records), bounds["kept"]
    needed = kept * accuracy(runs_of(records, REFERENCE, LONG))
    rows: list[list[str | Value]] = []
    for arm in ARMS:
        granularity = shortest_of(records, arm, needed)
        if granularity is None:
            rows.append([arm, NOTHING, NOTHING, NOTHING])
            continue
        runs = runs_of(records, arm, granularity)
        numbers = [f"{tokens(runs):.1f}", accuracy_text(accuracy(runs))]
        rows.append([arm, every(granularity), *(Value(text, basis) for text in numbers)])
    note = f"Enough is {accuracy_text(needed)}, {kept:.0%} of Ladder's accuracy with every value written."
    return Table("Shortest chains that are good enough", ["method", "written", "tokens", "right answers"], rows, note)


def shortest_of(records: Sequence[Record], arm: str, needed: float) -> int | None:
    """The granularity, or None where no chain is good enough."""
    enough = [
        (tokens(runs), granularity)
        for granularity in GRANULARITIES
        for runs in [runs_of(records, arm, granularity)]
        if accuracy(runs) >= needed
    ]
    return min(enough)[1] if enough else None
