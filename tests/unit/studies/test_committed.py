"""What is committed: READMEs and the page say what the committed ledgers say, and the rules are those that decide."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladderscope.studies.folder import Study, find_studies
from ladderscope.studies.page import page_text
from ladderscope.studies.readme import readme_text
from ladderscope.studies.report import findings_of, page_path
from ladderscope.studies.run import study_jobs

ROOT = Path(__file__).parents[3] / "studies"
STUDIES = {study.name: study for study in find_studies(ROOT)}
MOST_BYTES = 2_000_000


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest) -> Study:
    return STUDIES[request.param]


def test_a_readme_is_what_its_ledger_gives(study: Study) -> None:
    expected = readme_text(study, study.records(), findings_of(study))
    assert (study.folder / "README.md").read_text(encoding="utf-8") == expected


def test_so_is_the_page() -> None:
    path = page_path(ROOT)
    found = [(study, findings_of(study)) for study in STUDIES.values()]
    assert path.read_text(encoding="utf-8") == page_text(found, path)


def test_every_figure_is_there(study: Study) -> None:
    findings = findings_of(study)
    figures = findings.figures if findings else []
    names = {f"{figure.name}{suffix}" for figure in figures for suffix in (".svg", ".png")}
    assert {path.name for path in (study.folder / "figures").glob("*")} == names


def test_a_ledger_is_small_and_says_where_each_record_was_made(study: Study) -> None:
    records = study.records()
    assert all(record.env.get("torch") and record.env.get("finished_at") for record in records)
    assert all(record.details is None for record in records)
    assert not study.ledger().exists() or study.ledger().stat().st_size < MOST_BYTES


def test_a_ledger_holds_all_predictions_of_its_grid_and_needs_nothing_further(study: Study) -> None:
    """What is to be measured waits for its hardware, or for a quiet hour; tables say that it was not."""
    records = study.records()
    if not records or study.own_run is not None:
        pytest.skip("not run yet, or not from a grid")
    keys = {record.key for record in records}
    assert {job.key for job in study_jobs(study, quick=False) if job.is_prediction} <= keys
    assert {job.key for job in study_jobs(study, quick=True)} <= keys
    assert {(cell.cell_id, "predict", gpu) for cell, gpu in study.further(records)} <= keys
    assert {record.status for record in records} <= {"ok", "oom"}
