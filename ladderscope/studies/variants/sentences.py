"""What the comparisons of a family say in words."""

from __future__ import annotations

from collections.abc import Mapping

from ladderscope.studies.families import Compared, side_of
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.texts import interval_text, percent, share_text


def what_decides(found: Mapping[str, Compared | None], allowed: Mapping[str, float]) -> str:
    """The clause of :func:`~ladderscope.studies.families.all_below` that decides, with the variants that it is about.

    Args:
        found: variant -> the reference's log loss minus its own, beyond what is allowed.
        allowed: variant -> by how much the reference may be above it.
    """
    above = [name for name, one in found.items() if one is not None and side_of(one.adjusted) == "above"]
    if above:
        return f"What decides: adjusted by Holm, it is too high against {', '.join(above)}."
    unclear = [name for name, one in found.items() if one is None or side_of(one.plain) != "below"]
    if not unclear:
        return "What decides: each interval by itself is low enough."
    margins = {name: f" (up to {share_text(share)} above is allowed)" for name, share in allowed.items() if share}
    return (
        f"What decides: it is not shown to be low enough against "
        f"{', '.join(name + margins.get(name, '') for name in unclear)}; and, adjusted by Holm, it is not shown to be "
        "too high against any."
    )


def listed(found: Mapping[str, MeanInterval | None]) -> str:
    """All of them with their intervals."""
    return "; ".join(
        f"against {name}: {'not comparable' if one is None else interval_text(one)}" for name, one in found.items()
    )


def range_of(found: Mapping[str, MeanInterval | None]) -> str:
    """The lowest and the highest mean, and the interval that reaches highest, which is the one that decides first."""
    known = {name: one for name, one in found.items() if one is not None}
    if not known:
        return "comparable with no other"
    highest = max(known, key=lambda name: known[name].mean if known[name].high is None else known[name].high or 0.0)
    if len(found) == 1:
        return f"{interval_text(known[highest])} against {highest}"
    means = [one.mean for one in known.values()]
    left_out = f", {len(found) - len(known)} of them not comparable" if len(known) < len(found) else ""
    return (
        f"{percent(min(means))} to {percent(max(means))} against {len(found)} others{left_out}, and reaches highest "
        f"against {highest}: {interval_text(known[highest])}"
    )
