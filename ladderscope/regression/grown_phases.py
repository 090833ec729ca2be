"""What grew outside of a steady step: the peaks of other phases, and what the allocator holds without need."""

from __future__ import annotations

from collections.abc import Mapping

from ladderscope.regression.grown_places import peak_changed
from ladderscope.regression.grown_work import change_of, has_grown
from ladderscope.regression.metrics import PEAK_ALLOCATED, PEAK_RESERVED, PHASES
from ladderscope.regression.verdict import EntryVerdict, MetricChange


def reserved_lines(verdict: EntryVerdict) -> list[str]:
    """That reserved memory grew alone; nothing where the step or another phase allocates more, which explains it."""
    reserved = change_of(verdict, PEAK_RESERVED)
    if reserved is None or not reserved.is_regression or has_grown(verdict, PEAK_ALLOCATED):
        return []
    if any(_explains(change, reserved) for change in _grown_phases(verdict).values()):
        return []
    alike = "the same tensors" if not peak_changed(verdict) else "tensors that take no more"
    return [
        f"Reserved memory grew by {reserved.metric.format(reserved.change)} though allocated memory did not: the "
        f"allocator holds more for {alike}, so the order or the sizes of allocations changed (fragmentation)."
    ]


def _explains(phase: MetricChange, reserved: MetricChange) -> bool:
    """Whether a phase's allocated peak is why the step's reserved one grew: the allocator keeps what it once had."""
    return 2 * phase.change >= reserved.change


def phase_lines(verdict: EntryVerdict) -> list[str]:
    """Other phases of the run that grew, of which no places are kept.

    Left out where the step itself changed, which shows in them too, unless it is they that are past a limit.
    """
    changed = peak_changed(verdict)
    grown = {name: change for name, change in _grown_phases(verdict).items() if not changed or _is_told(verdict, name)}
    lines = []
    if grown:
        lines.append(
            f"The allocated peak of another phase grew: {_amounts(grown)}. `ladderscope explain --phase` shows it."
        )
    if reserved := _reserved_alone(verdict):
        lines.append(
            f"The allocator holds more in another phase, for tensors that take no more: {_amounts(reserved)}."
        )
    return lines


def _amounts(changes: Mapping[str, MetricChange]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} by {c.metric.format(c.change)}" for name, c in changes.items())


def _reserved_alone(verdict: EntryVerdict) -> dict[str, MetricChange]:
    """The phases whose reserved peak is past its limit though their allocated one did not grow."""
    grown = _grown_phases(verdict)
    changes = {phase: change_of(verdict, f"{phase}_{PEAK_RESERVED}") for phase in PHASES if phase not in grown}
    return {phase: change for phase, change in changes.items() if change is not None and change.is_regression}


def _is_told(verdict: EntryVerdict, phase: str) -> bool:
    """Whether a limit of the phase is passed, or one of the step that the phase explains."""
    of_phase = [change_of(verdict, f"{phase}_{peak}") for peak in (PEAK_ALLOCATED, PEAK_RESERVED)]
    if any(change is not None and change.is_regression for change in of_phase):
        return True
    reserved = change_of(verdict, PEAK_RESERVED)
    if reserved is None or not reserved.is_regression or has_grown(verdict, PEAK_ALLOCATED):
        return False
    return _explains(_grown_phases(verdict)[phase], reserved)


def _grown_phases(verdict: EntryVerdict) -> dict[str, MetricChange]:
    """The phases beside the step whose allocated peak grew."""
    changes = {phase: change_of(verdict, f"{phase}_{PEAK_ALLOCATED}") for phase in PHASES}
    return {phase: change for phase, change in changes.items() if change is not None and change.change > 0}
