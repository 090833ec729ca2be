"""The checks of recordings fail on what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studies.gpu_validation.accuracy import ALLOCATED, RESERVED
from studies.gpu_validation.recorded import (
    median_problems,
    peak_ratios,
    prediction_problems,
    recordings_in,
    replay_problem,
    sample,
)
from studies.gpu_validation.recordings import predict_recording, read_recording

Write = Callable[..., Path]


def test_a_sound_recording_has_no_problem(write_recording: Write) -> None:
    recording = read_recording(write_recording())
    assert replay_problem(recording) is None
    ratios = peak_ratios(recording, predict_recording(recording))
    assert ratios == {ALLOCATED: 1.0, RESERVED: 1.0}
    assert prediction_problems(recording, ratios) == median_problems([ratios]) == []


def test_a_block_in_another_place_makes_the_replay_inexact(write_recording: Write) -> None:
    def swap(document: dict[str, Any]) -> None:
        """Two blocks of one size, asked for and freed one behind the other, lie in each other's place."""
        events = document["events"]
        first, second = next(
            lives
            for lives in ((_life(events, i), _life(events, i + 1)) for i in range(len(events) - 1))
            if lives[0] and lives[1] and events[lives[0][0]][2] == events[lives[1][0]][2]
            if all(event[0].startswith("free") for event in events[min(lives[0][1], lives[1][1]) : lives[1][-1] + 1])
        )
        one, other = events[first[0]][1], events[second[0]][1]
        for i in first:
            events[i][1] = other
        for i in second:
            events[i][1] = one

    problem = replay_problem(read_recording(write_recording(swap)))
    assert problem is not None
    assert "tiny.json.gz" in problem
    assert "addresses" in problem


@pytest.mark.parametrize(
    ("key", "factor", "quantity"),
    [("peak_allocated_bytes", 1.04, "peak allocated"), ("peak_reserved_bytes", 0.94, "peak reserved")],
)
def test_a_peak_that_is_off_is_a_problem(write_recording: Write, key: str, factor: float, quantity: str) -> None:
    def scale(document: dict[str, Any]) -> None:
        document["about"][key] = round(document["about"][key] * factor)

    recording = read_recording(write_recording(scale))
    (problem,) = prediction_problems(recording, peak_ratios(recording, predict_recording(recording)))
    assert f"{quantity} predicted / recorded is" in problem


def test_a_median_has_a_bound_of_its_own() -> None:
    within = {ALLOCATED: 1.005, RESERVED: 1.0}
    outside = {ALLOCATED: 0.98, RESERVED: 1.0}
    assert median_problems([within, within, outside]) == []
    (problem,) = median_problems([within, outside, outside])
    assert problem == "the median error of peak allocated over 3 recordings is 2.00%, more than 1.00%"
    assert median_problems([]) == []


def test_recordings_are_found_in_the_folders_of_all_gpus(tmp_path: Path) -> None:
    for name in ("h100-80gb/b.json.gz", "h100-80gb/a.json.gz", "a100-40gb/c.json.gz", "h100-80gb/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [path.name for path in recordings_in(tmp_path)] == ["c.json.gz", "a.json.gz", "b.json.gz"]
    assert recordings_in(tmp_path / "missing") == []


@pytest.mark.parametrize(("count", "chosen"), [(0, []), (2, [0, 1]), (3, [0, 1, 2]), (9, [0, 4, 8])])
def test_a_sample_is_spread(count: int, chosen: list[int]) -> None:
    paths = [Path(str(number)) for number in range(count)]
    assert sample(paths, 3) == [paths[i] for i in chosen]


def _life(events: list[list[Any]], at: int) -> list[int]:
    """The allocation at an event and what frees it; empty where it is none, or is not freed."""
    action, address = events[at][:2]
    later = range(at + 1, len(events))
    end = next((i for i in later if events[i][:2] == ["free_completed", address]), None)
    if action != "alloc" or end is None:
        return []
    return [at, *(i for i in range(at + 1, end + 1) if events[i][1] == address and events[i][0].startswith("free"))]
