"""Which cells a request is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ladderscope.errors import CannotMeasureError, UsageError
from ladderscope.records import DEFAULT_GPU, PREDICT
from ladderscope.regression.asked import cells_asked
from ladderscope.regression.baseline import Baseline, read_baseline
from ladderscope.regression.entry import Entry
from ladderscope.regression.hardware import other_hardware
from ladderscope.regression.limits import Limit, Limits, limits_of
from ladderscope.regression.request import Request
from ladderscope.regression.run import Subject
from ladderscope.regression.selection import is_selected, select


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request comes to.

    Args:
        old: the baseline; an empty one where an update makes it.
        subjects: what to run.
        limits: of the comparison.
        idle: limits on metrics that none of the subjects has in the baseline, so that they cannot fail.
        repeat: how often each cell is measured.
        removed: names that an update drops: of this meter and GPU, and not in the grid.
        unchecked: how many entries are left out, by reason.
    """

    old: Baseline
    subjects: list[Subject]
    limits: dict[str, Limit]
    idle: frozenset[str] = frozenset()
    repeat: int = 1
    removed: list[str] = field(default_factory=list)
    unchecked: dict[str, int] = field(default_factory=dict)

    @property
    def limits_as_text(self) -> dict[str, str]:
        """The limits for people, with a word on those that cannot fail."""
        return {
            name: f"{limit.text} (no checked entry has it)" if name in self.idle else limit.text
            for name, limit in self.limits.items()
        }


def plan_check(request: Request) -> Plan:
    """Which cells to run and compare.

    Raises:
        UsageError: the request makes no sense.
        CannotMeasureError: there is no baseline, or nothing in it that can be checked here.
    """
    request.refuse_nonsense()
    old = read_baseline(request.baseline)
    gpus = _gpus(request, old)
    there, unchecked = _of_meter(old, request.meter, gpus)
    if request.grids:
        subjects = select(_of_grids(request, gpus, there), request.patterns)
    else:
        _refuse_gpus_without_entries(request, old, gpus, there, unchecked)
        subjects = select(there, request.patterns)
    _check_host(request, subjects)
    left_out = len({subject.name for subject in there} - {subject.name for subject in subjects})
    if left_out:
        unchecked["not in the grid" if request.grids and not request.patterns else "not selected"] = left_out
    limits = {**limits_of(old.fail_on), **request.limits()}
    idle = _idle(limits, old, subjects)
    if asked := sorted(idle & request.limits().keys()):
        raise UsageError(f"no cell that is to be checked has {', '.join(asked)}: leave it out of --fail-on.")
    return Plan(old, subjects, limits, idle, _repeat(request, old, subjects), unchecked=unchecked)


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
        _check_host(request, subjects)
        return Plan(old, subjects, {}, repeat=_repeat(request, old, subjects), unchecked=unchecked)
    subjects = select(_of_grids(request, gpus, there), request.patterns)
    _check_host(request, subjects)
    wanted = {subject.name for subject in subjects}
    removed = [s.name for s in there if s.name not in wanted and is_selected(s, request.patterns)]
    repeat = _repeat(request, old, subjects)
    return Plan(old, subjects, {}, repeat=repeat, removed=removed, unchecked=unchecked)


def _repeat(request: Request, old: Baseline, subjects: Sequence[Subject]) -> int:
    """A median of as many values as the baseline's: a single one against several is a false alarm too often."""
    known = [old.cells[subject.name] for subject in subjects if subject.name in old.cells]
    return request.repeat or max((entry.num_repeats for entry in known), default=1)


def _idle(limits: Limits, old: Baseline, subjects: Sequence[Subject]) -> frozenset[str]:
    """Limits that nothing can exceed; of subjects that are not in the baseline nothing is known."""
    known = [old.cells[subject.name] for subject in subjects if subject.name in old.cells]
    there = {metric for entry in known for metric in entry.values}
    return frozenset(name for name in limits if known and name not in there)


def _refuse_gpus_without_entries(
    request: Request,
    old: Baseline,
    gpus: Sequence[str | None],
    there: Sequence[Subject],
    unchecked: dict[str, int],
) -> None:
    """A GPU that was asked for and is not in the baseline must not look checked."""
    if not there:
        elsewhere = other_hardware(old, request.meter, gpus[0])
        raise CannotMeasureError(elsewhere or _nothing_there(request, unchecked))
    for gpu in gpus:
        if all(subject.gpu != gpu for subject in there):
            raise CannotMeasureError(
                f"{request.baseline} has no entries predicted for {gpu}: add them with --update --gpu {gpu} "
                "--grid GRID.yaml, or leave it out."
            )


def _check_host(request: Request, subjects: Sequence[Subject]) -> None:
    """Refuse what this machine has no memory for, before anything is loaded."""
    if request.meter != PREDICT:
        from ladderscope.sweep.host_memory import check_host_memory

        check_host_memory((subject.cell for subject in subjects), meter=request.meter)


def _gpus(request: Request, old: Baseline) -> list[str | None]:
    """What to predict for, or what is measured."""
    if request.meter != PREDICT:
        from ladderscope.memory.meters import resolve_meter

        try:
            return [resolve_meter(request.meter).hardware()]
        except UsageError as error:  # the runner's GPU may be gone: that is no slip of the user
            raise CannotMeasureError(str(error)) from error
    if request.gpus:
        from ladderscope.memory.predict.gpus import find_gpu

        return list(dict.fromkeys(find_gpu(name).name for name in request.gpus))
    return list(dict.fromkeys(e.gpu for e in old.cells.values() if e.is_prediction)) or [DEFAULT_GPU]


def _of_meter(old: Baseline, meter: str, gpus: Sequence[str | None]) -> tuple[list[Subject], dict[str, int]]:
    """The entries of a meter and GPUs, and why others are not among them."""
    subjects, others = [], Counter[str]()
    for entry in old.cells.values():
        if entry.meter == meter and entry.gpu in gpus:
            subjects.append(_subject_of(entry))
        else:
            how = "predicted for" if entry.is_prediction else "measured on"
            others[f"{how} {entry.gpu or 'a CPU'}"] += 1
    return subjects, dict(sorted(others.items()))


def _subject_of(entry: Entry) -> Subject:
    try:
        return Subject.of_entry(entry)
    except UsageError as error:
        raise CannotMeasureError(f"the entry {entry.name!r} cannot be made again: {error}") from error


def _of_grids(request: Request, gpus: Sequence[str | None], there: Sequence[Subject]) -> list[Subject]:
    """The cells of the grids, under the names that the baseline knows them by."""
    from ladderscope.sweep.checks import check_meter

    cells = list(cells_asked(request.grids))
    if request.meter != PREDICT:
        check_meter((cell for cell, _ in cells), request.meter)
    known = {subject.job(1).key: subject for subject in there}
    made = [Subject.of_cell(cell, request.meter, gpu, asked) for cell, asked in cells for gpu in gpus]
    by_key = {subject.job(1).key: subject for subject in made}
    return [known.get(key, subject) for key, subject in by_key.items()]


def _nothing_there(request: Request, unchecked: dict[str, int]) -> str:
    if not unchecked:
        return f"{request.baseline} has no cells: add some with --update --grid GRID.yaml."
    others = ", ".join(f"{number} {reason}" for reason, number in unchecked.items())
    of = f" and --gpu {' --gpu '.join(request.gpus)}" if request.gpus else ""
    return f"{request.baseline} has no cells for --meter {request.meter}{of} (it has {others})."
