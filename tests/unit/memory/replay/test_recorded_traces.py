"""The allocator's model against memory histories of real CUDA runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ladderscope.memory.replay import read_traces, replay

TRACES = {
    "lm_ctx128_forward": (2058, 289),
    "lm_ctx128_fullstep": (6771, 783),
    "lm_ctx256_forward_mixed": (2702, 1057),
    "lm_medium_ctx512_training": (7591, 1),
    "lm_small_bf16_forward": (937, 0),
}
"""Trace -> its allocations and segment events, counted in the files."""


@pytest.mark.parametrize("name", TRACES)
def test_every_address_and_every_segment_of_a_real_run_is_exact(name: str, allocator_traces: Path) -> None:
    (trace,) = read_traces(allocator_traces / f"{name}.json.gz")
    allocations, segment_events = TRACES[name]
    result = replay(trace)
    assert result.first_difference is None
    assert (result.allocations, result.exact_addresses) == (allocations, allocations)
    assert (result.segment_events, result.exact_segment_events) == (segment_events, segment_events)
    assert result.extra_segment_events == 0
    assert result.is_exact


def test_a_replay_takes_well_under_a_second(allocator_traces: Path) -> None:
    (trace,) = read_traces(allocator_traces / "lm_ctx128_fullstep.json.gz")
    start = time.process_time()
    replay(trace)
    assert time.process_time() - start < 1
