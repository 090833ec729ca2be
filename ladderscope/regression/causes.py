"""Why an entry changed, in sentences for people: what grew and where, and what else is not as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ladderscope.regression.entry import Entry
from ladderscope.regression.grown_phases import phase_lines, reserved_lines
from ladderscope.regression.grown_places import CategoryChange, category_changes, peak_changed, place_lines
from ladderscope.regression.grown_work import change_of, flops_lines, has_grown, trainable_lines
from ladderscope.regression.metrics import PEAK_ALLOCATED, SAVED_FOR_BACKWARD
from ladderscope.regression.renames import without_renames
from ladderscope.regression.verdict import EntryVerdict

_START = "at its very start"
_LARGER = "its numbers are what a larger GPU needs"


def cause_lines(verdict: EntryVerdict, most: int = 5) -> list[str]:
    """Why an entry regressed or changed: categories, modules and operations, then versions.

    Args:
        verdict: of an entry that is in the baseline and could be measured; of others there is nothing to say.
        most: places that are named at each moment; what is cut is counted and summed.

    Returns:
        Sentences; a line that starts with two spaces belongs to the one above it.
    """
    before, after = verdict.before, verdict.after
    if after is None:
        return []
    if before is None:
        return [] if after.status == "ok" else [f"It does not fit into the GPU's memory ({_how(after)}): {_LARGER}."]
    status = _status_lines(before, after)
    if verdict.outcome == "same":
        return status
    growths, renamed = without_renames(verdict.growths)
    verdict = dataclasses.replace(verdict, growths=growths)
    phases = phase_lines(verdict)
    peak_grew = has_grown(verdict, PEAK_ALLOCATED)
    return [
        *status,
        *([] if peak_grew else phases),
        *_peak_lines(verdict, most),
        *_saved_lines(verdict, most),
        *reserved_lines(verdict),
        *(phases if peak_grew else []),
        *renamed,
        *flops_lines(verdict),
        *trainable_lines(verdict),
        *_settings_lines(before, after),
        *version_lines(verdict),
    ]


def _settings_lines(before: Entry, after: Entry) -> list[str]:
    """What the file of a method says now, where it said something else."""
    changed = [
        f"{name} {before.settings.get(name)!r} -> {after.settings.get(name)!r}"
        for name in sorted({*before.settings, *after.settings})
        if before.settings.get(name) != after.settings.get(name)
    ]
    return [f"Other settings than in the baseline: {', '.join(changed)}."] if changed else []


def version_lines(verdict: EntryVerdict) -> list[str]:
    """Which packages have another version than in the baseline, or that none has; nothing where that is unknown."""
    if verdict.before is None or verdict.after is None or not (verdict.before.versions and verdict.after.versions):
        return []
    if not verdict.versions:
        return ["No dependency changed its version, so the code or the settings did."]
    return [f"Other versions than in the baseline: {versions_text(verdict.versions)}."]


def versions_text(versions: Mapping[str, tuple[str, str]]) -> str:
    """``"peft 0.21.1 -> 0.21.2, torch 2.12.0 -> 2.13.0"``."""
    return ", ".join(f"{name} {before or 'none'} -> {after or 'none'}" for name, (before, after) in versions.items())


def _how(entry: Entry) -> str:
    return "predicted" if entry.is_prediction else "measured"


def _status_lines(before: Entry, after: Entry) -> list[str]:
    if before.status == after.status:
        return []
    gpu = f"the memory of {after.gpu}" if after.gpu else "memory"
    if after.status == "oom":
        return [f"It no longer fits into {gpu} ({_how(after)}): {_LARGER}."]
    return [f"It now fits into {gpu} ({_how(after)}), which it did not before."] if after.status == "ok" else []


def _peak_lines(verdict: EntryVerdict, most: int) -> list[str]:
    categories = category_changes(verdict, "peak")
    if not categories:
        return []
    grew = _explains_growth(verdict, categories)
    return [*_moved_peak(verdict), *place_lines(categories, "peak", most, grew=grew)]


def _explains_growth(verdict: EntryVerdict, categories: list[CategoryChange]) -> bool:
    """Whether what grew is the story, and not what shrank."""
    of_the_peak = {PEAK_ALLOCATED, *(category.name for category in categories)}
    if any(change.name in of_the_peak for change in verdict.regressions):
        return True
    return sum(category.change for category in categories) >= 0


def _moved_peak(verdict: EntryVerdict) -> list[str]:
    assert verdict.before is not None
    assert verdict.after is not None
    if not (verdict.before.at_peak and verdict.after.at_peak) or verdict.before.peak_at == verdict.after.peak_at:
        return []
    old, new = (f"in {entry.peak_at}" if entry.peak_at else _START for entry in (verdict.before, verdict.after))
    return [f"The peak of the step is now reached {new}; before, {old}."]


def _saved_lines(verdict: EntryVerdict, most: int) -> list[str]:
    """What forward leaves for backward, where the peak does not tell it already."""
    change = change_of(verdict, SAVED_FOR_BACKWARD)
    if change is None or not change.change:
        return []
    categories = category_changes(verdict, "saved for backward")
    grew = change.change > 0
    unsaid = _unsaid_bytes(verdict, grew)
    if 2 * sum(unsaid.values()) <= abs(change.change) or not (change.is_regression or not peak_changed(verdict)):
        return []
    return place_lines(categories, "saved for backward", most, grew=grew)


def _unsaid_bytes(verdict: EntryVerdict, grew: bool) -> dict[tuple[str, str], int]:
    """Bytes of places that forward leaves more (or less) of, without those that did so at the peak as well."""
    sign = 1 if grew else -1
    changed = [growth for growth in verdict.growths if growth.change * sign > 0]
    at_peak = {(growth.category, growth.place) for growth in changed if growth.moment == "peak"}
    saved = [growth for growth in changed if growth.moment != "peak"]
    keyed = {(growth.category, growth.place): abs(growth.change) for growth in saved}
    return {key: num_bytes for key, num_bytes in keyed.items() if key not in at_peak}
