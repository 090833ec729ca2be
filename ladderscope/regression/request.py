"""What a user asks of a check, and which cells that is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ladderscope.errors import CannotMeasureError, UnknownNameError, UsageError
from ladderscope.records import PREDICT
from ladderscope.regression.baseline import FILE_NAME, Baseline, read_baseline
from ladderscope.regression.hardware import other_hardware
from ladderscope.regression.limits import Limit, Limits, limits_of, parse_fail_on
from ladderscope.regression.run import Subject
from ladderscope.regression.selection import check_patterns, is_selected, select

DEFAULT_GPU = "rtx-3060-12gb"
_METERS = (PREDICT, "cpu", "cuda")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A check as a user asks for it.

    Args:
        baseline: the file.
        grids: files of cells; empty for those of the baseline.
        patterns: of ``--select``.
        meter: ``predict``, ``cpu`` or ``cuda``.
        gpus: to predict for; empty for those of the baseline, or the default where there is none.
        fail_on: thresholds over those of the file, ``"peak_allocated:0"``.
        repeat: how often each cell is measured; None for as often as the baseline was, at least once.
        jobs: cells at a time; None for the default of the meter.
        timeout: seconds after which a cell is ended.
    """

    baseline: Path = Path(FILE_NAME)
    grids: Sequence[Path] = ()
    patterns: Sequence[str] = ()
    meter: str = PREDICT
    gpus: Sequence[str] = ()
    fail_on: Sequence[str] = ()
    repeat: int | None = None
    jobs: int | None = None
    timeout: float | None = None

    def limits(self) -> dict[str, Limit]:
        """The thresholds that the request states.

        Raises:
            UsageError: one of them cannot be read.
        """
        return parse_fail_on(self.fail_on)

    def refuse_nonsense(self) -> None:
        """Find out early what cannot be asked for.

        Raises:
            UsageError: what it is, and what to give instead.
        """
        if self.meter not in _METERS:
            raise UnknownNameError("meter", self.meter, _METERS)
        if self.meter == PREDICT and (self.repeat or 1) > 1:
            raise UsageError("predictions repeat to the byte: give --repeat with --meter cuda or cpu alone.")
        if self.meter != PREDICT and self.gpus:
            raise UsageError("--gpu says what to predict for: leave it out where cells are measured.")
        check_patterns(self.patterns)
        self.limits()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes to.

    Args:
        old: the baseline; an empty one where an update makes it.
        subjects: what to run.
        limits: of the comparison.
        repeat: how often each cell is measured.
        removed: names that an update drops: of this meter and GPU, and not in the grid.
        unchecked: how many entries are left out, by reason.
    """

    old: Baseline
    subjects: list[Subject]
    limits: dict[str, Limit]
    repeat: int = 1
    removed: list[str] = field(default_factory=list)
    unchecked: dict[str, int] = field(default_factory=dict)


def plan_check(request: Request) -> Plan:
    """Which cells to run and compare.

    Raises:
        UsageError: the request makes no sense.
        CannotMeasureError: there is no baseline, or nothing in it that can be checked here.
    """
    request.refuse_nonsense()
    old = read_baseline(request.baseline)
    limits = {**limits_of(old.fail_on), **request.limits()}
    _refuse_what_no_entry_has(request.limits(), old)
    gpus = _gpus(request, old)
    there, unchecked = _of_meter(old, request.meter, gpus)
    if request.grids:
        subjects = select(_of_grids(request, gpus, there), request.patterns)
        left_out = len({subject.name for subject in there} - {subject.name for subject in subjects})
    else:
        if not there:
            elsewhere = other_hardware(old, request.meter, gpus[0])
            raise CannotMeasureError(elsewhere or _nothing_there(request, unchecked))
        subjects = select(there, request.patterns)
        left_out = len(there) - len(subjects)
    if left_out:
        unchecked["not selected"] = left_out
    return Plan(old, subjects, limits, _repeat(request, old, subjects), unchecked=unchecked)


def plan_update(request: Request) -> Plan:
    """Which cells to run and write.

    Raises:
        UsageError: the request makes no sense, or there are no cells to write.
    """
    request.refuse_nonsense()
    try:
        old = read_baseline(request.baseline)
    except CannotMeasureError:
        old = Baseline()
        if not request.grids:
            raise UsageError(
                f"there is no baseline {request.baseline} yet: say what is to be in it with --grid GRID.yaml."
            ) from None
    gpus = _gpus(request, old)
    there, unchecked = _of_meter(old, request.meter, gpus)
    if not request.grids:
        if not there:
            raise UsageError(f"{_nothing_there(request, unchecked)} Give --grid GRID.yaml.")
        subjects = select(there, request.patterns)
        return Plan(old, subjects, {}, _repeat(request, old, subjects), unchecked=unchecked)
    subjects = select(_of_grids(request, gpus, there), request.patterns)
    wanted = {subject.name for subject in subjects}
    removed = [s.name for s in there if s.name not in wanted and is_selected(s, request.patterns)]
    return Plan(old, subjects, {}, _repeat(request, old, subjects), removed, unchecked)


def _repeat(request: Request, old: Baseline, subjects: Sequence[Subject]) -> int:
    """A median of as many values as the baseline's: a single one against several is a false alarm too often."""
    known = [old.cells[subject.name] for subject in subjects if subject.name in old.cells]
    return request.repeat or max((entry.num_repeats for entry in known), default=1)


def _refuse_what_no_entry_has(asked: Limits, old: Baseline) -> None:
    """A threshold that nothing can exceed would look like a check."""
    there = {metric for entry in old.cells.values() for metric in entry.values}
    for name in asked:
        if there and name not in there:
            raise UsageError(f"no cell of the baseline has {name}: leave it out of --fail-on.")


def _gpus(request: Request, old: Baseline) -> list[str | None]:
    """What to predict for, or what is measured."""
    if request.meter != PREDICT:
        from ladderscope.memory.meters import resolve_meter

        return [resolve_meter(request.meter).hardware()]
    if request.gpus:
        from ladderscope.memory.predict.gpus import find_gpu

        return list(dict.fromkeys(find_gpu(name).name for name in request.gpus))
    return list(dict.fromkeys(e.gpu for e in old.cells.values() if e.is_prediction)) or [DEFAULT_GPU]


def _of_meter(old: Baseline, meter: str, gpus: Sequence[str | None]) -> tuple[list[Subject], dict[str, int]]:
    """The entries of a meter and GPUs, and why others are not among them."""
    subjects, others = [], Counter[str]()
    for entry in old.cells.values():
        if entry.meter == meter and entry.gpu in gpus:
            subjects.append(Subject.of_entry(entry))
        else:
            how = "predicted for" if entry.is_prediction else "measured on"
            others[f"{how} {entry.gpu or 'a CPU'}"] += 1
    return subjects, dict(sorted(others.items()))


def _of_grids(request: Request, gpus: Sequence[str | None], there: Sequence[Subject]) -> list[Subject]:
    """The cells of the grids, under the names that the baseline knows them by."""
    from ladderscope.sweep.checks import check_meter
    from ladderscope.sweep.grid import cells_of_files

    cells = cells_of_files(request.grids, {})
    if request.meter != PREDICT:
        check_meter(cells, request.meter)
    known = {subject.job(1).key: subject for subject in there}
    made = [Subject.of_cell(cell, request.meter, gpu) for cell in cells for gpu in gpus]
    by_key = {subject.job(1).key: subject for subject in made}
    return [known.get(key, subject) for key, subject in by_key.items()]


def _nothing_there(request: Request, unchecked: dict[str, int]) -> str:
    others = ", ".join(f"{number} {reason}" for reason, number in unchecked.items()) or "none at all"
    return f"{request.baseline} has no entries for --meter {request.meter} here (it has {others})."
