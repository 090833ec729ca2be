"""Compares an entry with its baseline: which metrics changed, where the bytes are, what else changed."""

from __future__ import annotations

from collections.abc import Mapping

from ladderscope.memory.places import fold, unfold
from ladderscope.regression.entry import Entry, Places
from ladderscope.regression.limits import Limits
from ladderscope.regression.metrics import METRICS
from ladderscope.regression.tolerance import learned_tolerance
from ladderscope.regression.verdict import EntryVerdict, Growth, MetricChange, Moment, Outcome


def compare(before: Entry, after: Entry, limits: Limits) -> EntryVerdict:
    """The verdict on ``after``, by the ``limits`` and, where ``before`` was repeated, by what its repeats teach.

    What no longer fits its GPU is a regression, whatever the limits. An entry is not compared where only one of the
    two has a metric that has a limit: a threshold that is passed over in silence would be none.
    """
    changes = _changes(before, after, limits)
    growths = growths_of(before, after)
    outcome = _outcome(before, after, changes, differ=before.values != after.values or bool(growths))
    error = "" if outcome == "regression" else _one_sided(before, after, limits)
    return EntryVerdict(
        name=after.name,
        outcome="failed" if error else outcome,
        before=before,
        after=after,
        changes=changes,
        growths=growths,
        versions=changed_versions(before.versions, after.versions),
        error=error,
    )


def _one_sided(before: Entry, after: Entry, limits: Limits) -> str:
    """What is wrong where a metric with a limit is in one of the two alone; empty where none is."""
    old, new = before.values.keys() & limits.keys(), after.values.keys() & limits.keys()
    if gone := sorted(old - new):
        return f"{', '.join(gone)} of the baseline can no longer be measured, and a threshold asks for it."
    if unknown := sorted(new - old):
        return f"the baseline does not hold {', '.join(unknown)}, and a threshold asks for it: add it with --update."
    return ""


def _outcome(before: Entry, after: Entry, changes: list[MetricChange], *, differ: bool) -> Outcome:
    no_longer_fits = before.status == "ok" and after.status != "ok"
    if no_longer_fits or any(change.is_regression for change in changes):
        return "regression"
    if any(change.is_improvement for change in changes):
        return "improvement"
    return "changed" if differ else "same"


def _changes(before: Entry, after: Entry, limits: Limits) -> list[MetricChange]:
    old, new = before.values, after.values
    changes = []
    for name in METRICS:
        if name not in old or name not in new or (name not in limits and old[name] == new[name]):
            continue
        if (limit := limits.get(name)) is None:
            changes.append(MetricChange(name, old[name], new[name], None))
            continue
        single = before.repeats.get(name, ()), after.repeats.get(name, ())
        # A breakdown is that of the measurement in the middle: its categories are no medians.
        noise = learned_tolerance(*single, of_medians=name in before.metrics)
        allowed = max(limit.allowed(old[name]), noise)
        changes.append(MetricChange(name, old[name], new[name], allowed, limit.text, noise))
    return changes


def growths_of(before: Entry, after: Entry) -> list[Growth]:
    """Places whose bytes differ, at the peak and then in what forward leaves for backward."""
    return [
        *_growths("peak", before.at_peak, after.at_peak),
        *_growths("saved for backward", before.saved_for_backward, after.saved_for_backward),
    ]


def _growths(moment: Moment, before: Places, after: Places) -> list[Growth]:
    if not before or not after:
        return []
    growths = []
    for category in sorted({*before, *after}):
        old, new = unfold(before.get(category, {})), unfold(after.get(category, {}))
        places = {place: (old.get(place, 0), new.get(place, 0)) for place in sorted({*old, *new})}
        differing = {place: pair for place, pair in places.items() if pair[0] != pair[1]}
        growths += [Growth(moment, category, place, *pair) for place, pair in fold(differing).items()]
    return sorted(growths, key=lambda growth: (-growth.change, growth.category, growth.place))


def changed_versions(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Packages whose version differs: name -> (before, now); empty text where there was none."""
    pairs = {name: (before.get(name, ""), after.get(name, "")) for name in sorted({*before, *after})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
