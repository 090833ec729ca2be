"""Which records of a ledger count together, and what it lacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ladderscope.records import PREDICT, Record


def of_one_meter(records: Sequence[Record]) -> list[Record]:
    """Predictions, and the measurements of the meter that has the most: a CPU's are not compared with a GPU's."""
    most = Counter(one.meter for one in records if one.meter != PREDICT).most_common(1)
    return [one for one in records if one.meter == PREDICT or (most and one.meter == most[0][0])]


def missing_sentence(known: int, planned: int) -> str | None:
    """How many cells of a plan have no result, as a sentence; None where all have one."""
    return None if known == planned else f"{planned - known} of {planned} cells have no result yet."
