"""What several regressions have in common: one slip shows in many cells, and should be read once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ladderscope.regression.renames import without_renames
from ladderscope.regression.verdict import EntryVerdict, Growth
from ladderscope.units import format_bytes

_MOST = 3
_FEWEST = 2
"""Regressions that make something shared."""


def shared_lines(regressions: Sequence[EntryVerdict]) -> list[str]:
    """The places that grew in most of several regressions, in sentences; those in most of them first.

    Empty where no place grew in two of them.
    """
    grown: defaultdict[tuple[str, str], list[Growth]] = defaultdict(list)
    for verdict in regressions:
        for growth in without_renames(verdict.growths)[0]:
            if growth.moment == "peak" and growth.change > 0:
                grown[growth.category, growth.place].append(growth)
    often = [several for several in grown.values() if len(several) >= _FEWEST]
    often.sort(key=lambda several: (-len(several), -sum(growth.change for growth in several), several[0].place))
    return [_sentence(several, len(regressions)) for several in often[:_MOST]]


def _sentence(several: Sequence[Growth], of: int) -> str:
    changes = sorted(growth.change for growth in several)
    low, high = format_bytes(changes[0]), format_bytes(changes[-1])
    amount = f"+{high}" if low == high else f"+{low} to +{high}"
    category = several[0].category.replace("_", " ")
    how_many = f"all {of}" if len(several) == of else f"{len(several)} of {of}"
    return f"In {how_many} regressions {several[0].place} grew ({category}, {amount})."
