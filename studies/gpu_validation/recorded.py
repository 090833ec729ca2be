"""What the recordings in the repository must show: exact replays, and predictions within their targets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.replay import replay
from ladderscope.predict import STEADY_STEP
from studies.gpu_validation import markdown
from studies.gpu_validation.accuracy import ALLOCATED, RESERVED, TARGETS, Accuracy, Target
from studies.gpu_validation.recordings import SUFFIX, Recording

FOLDER = Path("tests", "data", "allocator_traces")
"""Of the recordings, one folder for each GPU, from the repository root."""


def recordings_in(folder: Path) -> list[Path]:
    """All recordings, by name."""
    return sorted(folder.rglob(f"*{SUFFIX}"))


def sample(paths: Sequence[Path], most: int) -> list[Path]:
    """At most so many, spread over all of them, the first and the last included where there is room."""
    if len(paths) <= most:
        return list(paths)
    return [paths[round(i * (len(paths) - 1) / max(most - 1, 1))] for i in range(most)]


def replay_problem(recording: Recording) -> str | None:
    """What the model of the allocator does other than the recorded run, and None if nothing.

    Raises:
        UsageError: the history contradicts itself.
    """
    result = replay(recording.trace)
    if result.is_exact:
        return None
    return (
        f"{recording.path}: {result.exact_addresses} of {result.allocations} addresses and "
        f"{result.exact_segment_events} of {result.segment_events} segment events are exact: {result.first_difference}"
    )


Ratios = dict[Target, float]


def peak_ratios(recording: Recording, predicted: MemoryTrace) -> Ratios:
    """Predicted over recorded peak, allocated and reserved."""
    return {
        ALLOCATED: predicted.peak(STEADY_STEP).allocated_bytes / recording.peak_allocated_bytes,
        RESERVED: predicted.peak_reserved(STEADY_STEP) / recording.peak_reserved_bytes,
    }


def prediction_problems(recording: Recording, ratios: Ratios) -> list[str]:
    """Peaks that are further off than any may be."""
    return [
        f"{recording.path}: {target.name} predicted / recorded is {markdown.ratio(ratios[target])}, which is off by "
        f"more than {markdown.percent(target.largest)}: run python -m studies.gpu_validation.requests on it"
        for target in TARGETS
        if abs(ratios[target] - 1) > target.largest
    ]


def median_problems(ratios: Sequence[Ratios]) -> list[str]:
    """Quantities whose median error over these recordings is larger than it may be."""
    found = [Accuracy(target, tuple(one[target] for one in ratios)) for target in TARGETS if ratios]
    return [
        f"the median error of {one.target.name} over {len(one.ratios)} recordings is "
        f"{markdown.percent(one.median_error)}, more than {markdown.percent(one.target.median)}"
        for one in found
        if one.median_error > one.target.median
    ]
