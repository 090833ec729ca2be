"""The prediction against recorded training steps of a language model on an H100."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.memory.allocator.config import AllocatorConfig
from ladderscope.memory.replay.trace import Trace, TraceEvent
from studies.prediction_accuracy.recorded import STEPS, compare
from studies.prediction_accuracy.requests import Comparison, Requests, recorded_requests, table


@pytest.mark.parametrize(("name", "requests"), [("lm_ctx128_forward", 2058)])
def test_every_request_of_a_recorded_step_is_predicted(name: str, requests: int, allocator_traces: Path) -> None:
    found = compare(allocator_traces / f"{name}.json.gz")
    assert len(found.recorded.sizes) == requests
    assert found.predicted.sizes == found.recorded.sizes
    assert found.match_share == 1.0
    assert found.peak_ratio == pytest.approx(1.0, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lm_ctx128_fullstep", "lm_ctx256_forward_mixed"])
def test_so_is_every_request_of_the_others(name: str, allocator_traces: Path) -> None:
    found = compare(allocator_traces / f"{name}.json.gz")
    assert found.predicted.sizes == found.recorded.sizes
    assert found.peak_ratio == pytest.approx(1.0, rel=0.01)
    assert name in STEPS


def test_a_missing_request_lowers_the_share() -> None:
    found = Comparison("step", Requests([512, 1024, 512], 2048), Requests([512, 512], 1024))
    assert found.match_share == pytest.approx(2 / 3)
    assert found.peak_ratio == 0.5
    assert "| step | 3 | 2 | 66.67% |" in table([found])


def test_the_peak_counts_what_was_there_at_the_start() -> None:
    events = [
        TraceEvent("alloc", 0, 1000, 0),
        TraceEvent("free_completed", 0, 1000, 0),
        TraceEvent("free_completed", 4096, 512, 0),
    ]
    found = recorded_requests(Trace("t", 0, events, [], AllocatorConfig()))
    assert (found.sizes, found.peak_bytes) == ([1000], 1024 + 512)
