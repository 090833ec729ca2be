"""The allocator's model and the predictions against every step that was recorded on a GPU and is kept here."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.gpu_validation.recorded import (
    FOLDER,
    median_problems,
    peak_ratios,
    prediction_problems,
    recordings_in,
    replay_problem,
    sample,
)
from studies.gpu_validation.recordings import predict_recording, read_recording

ROOT = Path(__file__).parents[2]
RECORDINGS = recordings_in(ROOT / FOLDER)
QUICK = 3
"""Predictions in the normal suite: one of 7B parameters takes some seconds."""

if not RECORDINGS:
    pytest.skip(f"no step has been recorded on a GPU yet: {FOLDER} holds no recording", allow_module_level=True)

each_recording = pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: f"{path.parent.name}/{path.name}")


@each_recording
def test_the_replay_is_exact(path: Path) -> None:
    assert replay_problem(read_recording(path)) is None


def test_some_predictions_are_within_the_bounds_of_any_cell() -> None:
    assert _problems(sample(RECORDINGS, QUICK)) == []


@pytest.mark.slow
def test_all_predictions_are_within_the_bounds_and_so_is_their_median() -> None:
    assert _problems(RECORDINGS, with_median=True) == []


def _problems(paths: list[Path], with_median: bool = False) -> list[str]:
    problems, found = [], []
    for recording in map(read_recording, paths):
        found.append(peak_ratios(recording, predict_recording(recording)))
        problems += prediction_problems(recording, found[-1])
    return problems + (median_problems(found) if with_median else [])
