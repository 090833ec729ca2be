"""How long a cell may take in a job of Slurm."""

from __future__ import annotations

import pytest

from ladderscope.sweep.executors.slurm_job import seconds_of_cell


@pytest.mark.parametrize(
    ("timeout", "spent", "expected"),
    [
        (None, 0.0, 3480.0),  # two minutes less than its job
        (None, 1200.0, 2280.0),  # what the setup took is gone
        (600.0, 1200.0, 600.0),
        (3600.0, 0.0, 3480.0),
        (None, 3590.0, 1.0),
    ],
)
def test_a_cell_ends_before_slurm_ends_its_job(timeout: float | None, spent: float, expected: float) -> None:
    assert seconds_of_cell(3600.0, timeout, spent) == expected
