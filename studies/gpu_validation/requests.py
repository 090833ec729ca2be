"""Lays recorded steps beside their predictions, request by request, to find which operation allocates differently.

python -m studies.gpu_validation.requests TRACE... [--differences 20]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ladderscope.errors import LadderscopeError
from ladderscope.memory.predict import MemoryTrace
from ladderscope.predict import STEADY_STEP
from studies.gpu_validation import markdown
from studies.gpu_validation.differences import Difference, differences
from studies.gpu_validation.histories import History, predicted_history, recorded_history
from studies.gpu_validation.labels import cell_name
from studies.gpu_validation.matching import matched_requests
from studies.gpu_validation.recordings import Recording, predict_recording, read_recording
from studies.gpu_validation.requests_text import difference_table, held_table, lifetime_table


@dataclass(frozen=True)
class StepComparison:
    """A recorded step and the same step predicted."""

    recording: Recording
    predicted_trace: MemoryTrace

    @cached_property
    def recorded(self) -> History:
        """The recorded requests."""
        return recorded_history(self.recording.trace)

    @cached_property
    def predicted(self) -> History:
        """Those of the predicted steady step."""
        return predicted_history(self.predicted_trace, STEADY_STEP)

    @cached_property
    def pairs(self) -> list[tuple[int, int]]:
        """Places of requests that are of the same size on both sides, in order."""
        return matched_requests(self.recorded, self.predicted)

    @cached_property
    def differences(self) -> list[Difference]:
        """Requests that only one side has."""
        return differences(self.recorded, self.predicted, self.pairs)

    @property
    def match_share(self) -> float:
        """Matched requests, of the longer list."""
        return len(self.pairs) / max(len(self.recorded.requests), len(self.predicted.requests), 1)

    @property
    def allocated_ratio(self) -> float:
        """Predicted over recorded peak of allocated memory."""
        return self.predicted_trace.peak(STEADY_STEP).allocated_bytes / self.recording.peak_allocated_bytes

    @property
    def reserved_ratio(self) -> float:
        """The same of reserved memory."""
        return self.predicted_trace.peak_reserved(STEADY_STEP) / self.recording.peak_reserved_bytes


def compare(recording: Recording) -> StepComparison:
    """Predict the cell of a recording and lay both beside each other."""
    return StepComparison(recording, predict_recording(recording))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a summary of all traces, and for each what differs; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.gpu_validation.requests",
        description="Compare recorded requests for memory with predicted ones.",
    )
    parser.add_argument("traces", type=Path, nargs="+", metavar="TRACE", help="a recorded step (.json.gz)")
    parser.add_argument("--differences", type=int, default=20, help="kinds to list per trace (default: 20)")
    options = parser.parse_args(arguments)
    found = []
    try:
        for path in options.traces:
            found.append(compare(read_recording(path)))
            print(describe(found[-1], options.differences), end="\n\n", flush=True)
    except LadderscopeError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(summary(found))
    return 0


def summary(found: Sequence[StepComparison]) -> str:
    """A row for each trace."""
    headings = (
        "trace",
        "requests",
        "predicted",
        "matched",
        "allocated predicted / recorded",
        "reserved predicted / recorded",
        "differences",
    )
    return markdown.table(headings, [[one.recording.name, *_numbers(one)] for one in found])


def _numbers(found: StepComparison) -> list[str]:
    counts = (len(found.recorded.requests), len(found.predicted.requests))
    ratios = map(markdown.ratio, (found.allocated_ratio, found.reserved_ratio))
    return [*map(str, counts), markdown.percent(found.match_share), *ratios, str(len(found.differences))]


def describe(found: StepComparison, most: int) -> str:
    """What differs in one step: requests, lifetimes, and what was there at the start; ``most`` lines of each."""
    recording = found.recording
    held = [sum(request.size for request in side.at_start) for side in (found.recorded, found.predicted)]
    parts = [
        f"## {recording.name}: {cell_name(recording.cell)}",
        recording.remark(),
        summary([found]),
        f"Peak allocated: recorded {recording.peak_allocated_bytes:,} bytes, predicted "
        f"{found.predicted_trace.peak(STEADY_STEP).allocated_bytes:,}. Held at the start: recorded {held[0]:,} bytes "
        f"in {len(found.recorded.at_start)} blocks, predicted {held[1]:,} in {len(found.predicted.at_start)}.",
        difference_table(found.differences, most),
        held_table(found.recorded, found.predicted, most),
        lifetime_table(found.recorded, found.predicted, found.pairs, most),
    ]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    sys.exit(main())
