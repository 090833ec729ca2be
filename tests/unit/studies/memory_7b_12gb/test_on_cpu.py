"""Seconds on a CPU stand beside the opponents' predicted bytes, and change no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.records import Flops, Record
from ladderscope.studies.findings import Value
from ladderscope.studies.folder import Study, find_study
from ladderscope.studies.run import study_jobs

ROOT = Path(__file__).parents[4] / "studies"


@pytest.fixture(scope="module")
def study() -> Study:
    return find_study(ROOT, "memory_7b_12gb")


@pytest.fixture(scope="module")
def measured(study: Study) -> list[Record]:
    """Invented records of the jobs of the grid that are measured; checkpointing takes half as long again."""
    jobs = [job for job in study_jobs(study, quick=False) if not job.is_prediction]
    return [
        Record(
            cell=job.cell,
            meter=job.meter,
            status="ok",
            weights="pretrained",
            flops=Flops(per_step=10**9, per_token=1.0, by_component={"head": 10**9}),
            step_seconds=[60.0] + [9.0 if job.cell.gradient_checkpointing else 6.0] * 3,
            tokens_per_step=1024,
            env={"cpu": "A Processor", "cpu_threads": 2},
        )
        for job in jobs
    ]


def test_six_cells_of_real_weights_are_measured_and_no_quick_one(study: Study, measured: list[Record]) -> None:
    assert {(one.cell.model, one.cell.seq_len) for one in measured} == {("smollm2-135m", 1024)}
    assert len({one.cell.cell_id for one in measured}) == 6
    assert all(job.is_prediction for job in study_jobs(study, quick=True))


def test_every_opponent_has_its_seconds_and_verdicts_stay(study: Study, measured: list[Record]) -> None:
    predicted = [one for one in study.records() if one.meter == "predict"]
    before, after = study.analyse(predicted), study.analyse([*predicted, *measured])
    assert list(before.verdicts) == list(after.verdicts)
    assert list(before.tables)[:-1] == list(after.tables)[:-1]
    table = after.tables[-1]
    rows = {row[2]: [cell.text for cell in row if isinstance(cell, Value)] for row in table.rows}
    assert len(rows) == 6
    assert rows["qlora, checkpointing, chunked loss"][:2] == ["9", "1.50"]
    assert rows["ladder, lean"][:2] == ["6", "1.00"]
    assert table.bases == {"measured on a CPU"}
