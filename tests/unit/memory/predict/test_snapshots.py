"""A snapshot of a trace tells what the trace tells, whatever happened on the way."""

from __future__ import annotations

import dataclasses
import pickle
from contextlib import suppress
from pathlib import Path

import torch
from torch.cuda import _memory_viz

from ladderscope.memory.predict import MemoryTrace, predict_memory
from ladderscope.memory.predict.device import OnOom
from ladderscope.memory.replay import read_traces, replay, write_compact
from ladderscope.units import MIB

GPU = "1GiB:sm86"


def blocks(*mebibytes: int) -> list[torch.Tensor]:
    return [torch.empty(size * MIB, dtype=torch.uint8, device="cuda") for size in mebibytes]


def past_the_end(on_oom: OnOom) -> MemoryTrace:
    """Cached segments that an out-of-memory gives back, and blocks that come after it."""
    with predict_memory(GPU, on_oom=on_oom) as trace:
        kept = blocks(30, 21, 300)
        del kept[1:]
        with suppress(torch.OutOfMemoryError):
            kept += blocks(900)
        kept += blocks(5, 250)
    return trace


def assert_replay_agrees(trace: MemoryTrace, path: Path) -> None:
    trace.save_snapshot(path)
    (recorded,) = read_traces(path)
    result = replay(recorded)
    assert result.first_difference is None
    assert result.is_exact
    assert result.peak_allocated_bytes == trace.peak_allocated_bytes
    assert result.peak_reserved_bytes == trace.peak_reserved_bytes


def test_a_snapshot_behind_the_end_of_memory_replays_to_the_same_peaks(tmp_path: Path) -> None:
    trace = past_the_end("continue")
    assert trace.first_oom is not None
    assert_replay_agrees(trace, tmp_path / "went-on.pickle")


def test_so_does_one_of_code_that_caught_the_error(tmp_path: Path) -> None:
    assert_replay_agrees(past_the_end("raise"), tmp_path / "caught.pickle")


def test_and_one_under_a_memory_fraction(tmp_path: Path) -> None:
    with predict_memory(GPU) as trace:
        torch.cuda.set_per_process_memory_fraction(0.25)
        kept = blocks(30, 60)
        del kept[1:]
        kept += blocks(90)  # only in place of the cached segment
    assert trace.peak_reserved_bytes == 120 * MIB
    assert_replay_agrees(trace, tmp_path / "fraction.pickle")


def test_a_snapshot_says_that_it_is_predicted_in_each_form_and_pytorchs_tools_pass_over_it(tmp_path: Path) -> None:
    with predict_memory(GPU) as trace:
        blocks(30)
    trace.save_snapshot(tmp_path / "a.pickle")
    (history,) = read_traces(tmp_path / "a.pickle")
    assert history.is_predicted
    write_compact(tmp_path / "a.json.gz", history, {})
    write_compact(tmp_path / "b.json.gz", dataclasses.replace(history, is_predicted=False), {})
    assert [read_traces(tmp_path / name)[0].is_predicted for name in ("a.json.gz", "b.json.gz")] == [True, False]
    with (tmp_path / "a.pickle").open("rb") as file:
        snapshot = pickle.load(file)
    assert "30.0MiB" in _memory_viz.trace(snapshot)
    assert "snapshot.pickle" in _memory_viz.trace_plot(snapshot)
