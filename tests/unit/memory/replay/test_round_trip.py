"""Histories that the model writes itself, read back and replayed: from any moment on, with all settings."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.memory.allocator import Block, CachingAllocator
from ladderscope.memory.replay import HistoryRecorder, read_traces, replay
from ladderscope.memory.replay.start import state_at_start
from ladderscope.units import MIB

Recorded = tuple[CachingAllocator, HistoryRecorder]
Save = Callable[[Recorded], Path]
Record = Callable[..., Recorded]


def run_randomly(allocator: CachingAllocator, rng: random.Random, live: list[Block], steps: int) -> None:
    for _ in range(steps):
        action = rng.random()
        if action < 0.02:
            allocator.empty_cache()
        elif action < 0.04:
            allocator.synchronize()
        elif action < 0.5 and live:
            block = live.pop(rng.randrange(len(live)))
            if rng.random() < 0.1:
                allocator.record_stream(block, 99)
            allocator.free(block)
        else:
            live.append(allocator.malloc(rng.randint(1, rng.choice([3000, 2 * MIB, 12 * MIB])), rng.randrange(2)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "settings", ["", "expandable_segments:True", "max_split_size_mb:20", "roundup_power2_divisions:4"]
)
def test_a_history_from_the_middle_of_a_run_replays_exactly(
    settings: str, seed: int, record: Record, save: Save
) -> None:
    rng, live = random.Random(seed), list[Block]()
    allocator, recorder = record(settings)
    run_randomly(allocator, rng, live, steps=150)
    allocator.synchronize()
    allocator.reset_peak_stats()
    recorder.events.clear()
    run_randomly(allocator, rng, live, steps=250)
    (trace,) = read_traces(save((allocator, recorder)))
    result = replay(trace)
    assert result.first_difference is None
    assert result.is_exact
    assert result.allocations > 50
    assert result.segment_events > 0
    assert result.peak_reserved_bytes == allocator.stats.peak_reserved_bytes
    assert result.peak_allocated_bytes == allocator.stats.peak_allocated_bytes


def test_a_remainder_of_a_block_from_before_the_recording_is_found(record: Record, save: Save) -> None:
    allocator, recorder = record()
    # 4.5 MiB in a hole of 5 MiB: the remainder stays with the block.
    hole, behind = allocator.malloc(5 * MIB), allocator.malloc(4 * MIB)
    allocator.free(hole)
    long = allocator.malloc(9 * MIB // 2)
    assert long.size == 5 * MIB
    allocator.free(behind)
    recorder.events.clear()
    # The free memory behind the block starts at its true end.
    placed = allocator.malloc(3 * MIB)
    assert placed.address == long.address + 5 * MIB
    allocator.free(long)
    (trace,) = read_traces(save((allocator, recorder)))
    assert replay(trace).is_exact


def test_a_remainder_that_nothing_was_placed_behind_is_found_by_what_did_not_fit(record: Record, save: Save) -> None:
    allocator, recorder = record()
    hole, behind, _, elsewhere, _ = (allocator.malloc(size * MIB) for size in (5, 4, 11, 6, 14))
    allocator.free(hole)
    long = allocator.malloc(9 * MIB // 2)
    place_elsewhere = elsewhere.address
    allocator.free(behind)
    allocator.free(elsewhere)
    recorder.events.clear()
    # 4 MiB are free behind the block. Did it take 4.5 MiB and not 5, they would be 4.5, and enough.
    assert allocator.malloc(17 * MIB // 4).address == place_elsewhere
    allocator.free(long)
    (trace,) = read_traces(save((allocator, recorder)))
    assert len(state_at_start(trace, {}).open_ends) == 1
    assert replay(trace).is_exact
