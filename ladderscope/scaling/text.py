"""Numbers of a fit as text, for terminals and reports alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ladderscope.scaling.result import Estimate, GroupFit, PairDifference, ScalingFit
from ladderscope.units import format_bytes

KIB = 2**10
MISSING = "-"
CANNOT_TELL = "cannot tell: "


def format_value(value: float, unit: str) -> str:
    """``value`` for people: bytes in binary units, a rate of bytes in KiB, anything else with three digits."""
    if unit == "bytes":
        return format_bytes(value)
    if unit.startswith("bytes per "):
        return f"{value / KIB:.4g} KiB/{unit.removeprefix('bytes per ')}"
    return f"{value:.3g}"


def format_estimate(estimate: Estimate | None, unit: str) -> str:
    """``'0.41 [0.38, 0.45]'``, without the interval where there is none."""
    if estimate is None or estimate.value is None:
        return MISSING
    value = format_value(estimate.value, unit)
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{format_value(estimate.low, unit)}, {format_value(estimate.high, unit)}]"


def format_difference(difference: Estimate, unit: str) -> str:
    """A slope difference with its interval, or with ``cannot tell`` where it has none."""
    text = format_estimate(difference, unit)
    return text if difference.low is not None else f"{text} (cannot tell)" if text != MISSING else "cannot tell"


def remarks(fit: ScalingFit) -> list[str]:
    """What is missing or doubtful, one sentence for each finding, with the groups that it holds for."""
    holders: dict[str, list[str]] = {}
    for group in fit.groups:
        for remark in _group_remarks(group):
            holders.setdefault(remark, []).append(group.name)
    return [f"{', '.join(names)}: {remark}." for remark, names in holders.items()]


def undecided(pairs: Sequence[PairDifference]) -> str | None:
    """One sentence on the pairs whose slopes cannot be compared, or ``None`` where all can."""
    reasons = Counter(pair.local_slope.reason for pair in pairs if pair.local_slope.reason)
    if not reasons:
        return None
    causes = "; ".join(str(reason).removeprefix(CANNOT_TELL) for reason in reasons)
    return f"Slope differences: cannot tell for {reasons.total()} of {len(pairs)} pairs: {causes}."


def _group_remarks(group: GroupFit) -> list[str]:
    found = [f"{group.status}: {group.reason}"] if group.reason else []
    estimates = [*group.parameters.values(), group.local_slope]
    found += dict.fromkeys(estimate.reason for estimate in estimates if estimate.reason)
    return found + group.warnings
