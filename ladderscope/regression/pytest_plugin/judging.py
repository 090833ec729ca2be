"""Judges the memory of a test's body: by its limits, and by its entry in the baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ladderscope.regression.pytest_plugin.marks import PeakLimit
from ladderscope.regression.pytest_plugin.options import CUDA, PREDICT
from ladderscope.regression.pytest_plugin.watch import Watch, Watched
from ladderscope.units import format_bytes

if TYPE_CHECKING:
    from ladderscope.memory.predict.trace import MemoryTrace
    from ladderscope.regression.entry import Entry
    from ladderscope.regression.limits import Limit
    from ladderscope.regression.verdict import EntryVerdict

TAKE_IT = "take it with pytest --ladderscope-update, review and commit it"


def nothing_to_judge(watch: Watch, watched: Watched) -> str:
    """The sentence for a body that allocates nothing, so that no limit could ever fail; empty where it does."""
    if not watch.asked.judges or watch.asked.allows_nothing or watched.has_allocated():
        return ""
    if watched.meter == CUDA:
        trap = 'what fixtures allocate is not measured, so let the body make its tensors and models, on "cuda"'
    else:
        trap = (
            'a device that is chosen outside of the body, as by `DEVICE = "cuda" if torch.cuda.is_available() else '
            '"cpu"` at the top of a module, is the CPU where there is no GPU, so choose it in the body or write "cuda"'
        )
    return (
        f"the test's body allocated nothing on the GPU, so nothing guards it: {trap}; where that is meant, say so "
        'with peak_memory("0 B")'
    )


def problem_with(limit: PeakLimit, watched: Watched) -> str | None:
    """The sentence for a limit that is exceeded; None where it is not."""
    trace = watched.trace
    peak = trace.peak_reserved_bytes if limit.reserved else trace.peak_allocated_bytes
    if peak <= limit.num_bytes:
        return None
    return (
        f"peak of {format_bytes(peak)} {'reserved' if limit.reserved else 'allocated'} is above the limit of "
        f"{format_bytes(limit.num_bytes)} by {format_bytes(peak - limit.num_bytes)}, {watched.how}"
    )


def entry_of_test(name: str, watched: Watched) -> Entry:
    """The entry of a test's body in a baseline, by the test's node id."""
    from ladderscope.regression.entry import Entry
    from ladderscope.regression.metrics import PEAK_ALLOCATED, PEAK_RESERVED
    from ladderscope.regression.take import versions

    trace = watched.trace
    metrics = {PEAK_ALLOCATED: trace.peak_allocated_bytes, PEAK_RESERVED: trace.peak_reserved_bytes}
    if watched.meter == CUDA:
        return Entry(name=name, meter=CUDA, gpu=watched.gpu, metrics=metrics, versions=versions(CUDA))
    return _predicted(name, watched.gpu, trace, metrics, versions())  # type: ignore[arg-type]


def _predicted(name: str, gpu: str, trace: MemoryTrace, metrics: dict[str, int], versions: dict[str, str]) -> Entry:
    from ladderscope.memory.predict.details import details_of, kept_for_backward
    from ladderscope.regression.entry import Entry
    from ladderscope.regression.metrics import SAVED_FOR_BACKWARD

    kept = kept_for_backward(trace)
    if kept is not None:
        metrics = {**metrics, SAVED_FOR_BACKWARD: sum(allocation.num_bytes for allocation in kept)}
    details = details_of(trace)
    return Entry(
        name=name,
        meter=PREDICT,
        gpu=gpu,
        metrics=metrics,
        breakdown=trace.breakdown(),
        peak_at=details.peak_at,
        at_peak=details.at_peak,
        saved_for_backward=details.saved_for_backward,
        versions=versions,
    )


def judge_entry(watch: Watch, entry: Entry, before: Entry | None, limits: Mapping[str, Limit], how: str) -> None:
    """Note in ``watch`` what comparing a test with its entry in the baseline finds."""
    from ladderscope.regression.causes import cause_lines
    from ladderscope.regression.compare import compare

    if before is None:
        watch.refusal = f"the baseline has no entry of this test: {TAKE_IT}"
    elif (before.meter, before.gpu) != (entry.meter, entry.gpu):
        watch.refusal = (
            f"the baseline has this test {_how(before)}, and it was {_how(entry)}: run it as before, name another "
            f"file with --ladderscope-baseline, or {TAKE_IT}"
        )
    else:
        verdict = compare(before, entry, limits)
        if verdict.outcome == "regression":
            watch.problems.append(_regression(verdict, how))
            watch.causes = cause_lines(verdict)
        elif verdict.outcome == "failed":
            watch.refusal = verdict.error
        elif verdict.outcome == "improvement":
            watch.improvement = _improvement(verdict)


def _how(entry: Entry) -> str:
    return f"{'predicted for' if entry.is_prediction else 'measured on'} {entry.gpu}"


def _regression(verdict: EntryVerdict, how: str) -> str:
    from ladderscope.regression.grown_places import byte_values
    from ladderscope.regression.metrics import PEAK_ALLOCATED

    # What tensors take first: it is exact, and what the allocator holds mostly follows from it.
    first = next((change for change in verdict.regressions if change.name == PEAK_ALLOCATED), verdict.worst)
    if first is None:
        return f"it no longer fits into the GPU's memory, {how}"
    before, after = byte_values(first.before, first.after)
    others = [change for change in verdict.regressions if change is not first]
    also = "; also " + ", ".join(f"{c.metric.title} by {c.metric.format(c.change)}" for c in others) if others else ""
    grew = f"{first.metric.title} grew from {before} to {after}, by {first.metric.format(first.change)}"
    return f"{grew} where {first.limit} is allowed, {how}{also}"


def _improvement(verdict: EntryVerdict) -> str:
    from ladderscope.regression.grown_places import byte_values

    fallen = [change for change in verdict.changes if change.is_improvement]
    return ", ".join(
        f"{c.metric.title} {' -> '.join(byte_values(c.before, c.after))} ({c.metric.format_change(c.change)})"
        for c in fallen
    )
