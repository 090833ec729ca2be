"""What is committed: READMEs and the page say what the committed ledgers say, and the rules are those that decide."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

from ladderscope.studies.findings import Findings
from ladderscope.studies.folder import Study, find_studies
from ladderscope.studies.page import page_text
from ladderscope.studies.readme import readme_text
from ladderscope.studies.report import figure_files, findings_of, page_path
from ladderscope.studies.run import study_jobs

PROJECT = Path(__file__).parents[3]
ROOT = PROJECT / "studies"
STUDIES = {study.name: study for study in find_studies(ROOT)}
MOST_BYTES = 2_000_000


@pytest.fixture(params=STUDIES)
def study(request: pytest.FixtureRequest) -> Study:
    return STUDIES[request.param]


@cache
def findings(name: str) -> Findings | None:
    """Of a committed ledger; some take seconds, and several tests read them."""
    return findings_of(STUDIES[name])


def test_a_readme_is_what_its_ledger_gives(study: Study) -> None:
    expected = readme_text(study, study.records(), findings(study.name))
    assert (study.folder / "README.md").read_text(encoding="utf-8") == expected


def test_so_is_the_page() -> None:
    path = page_path(ROOT)
    found = [(study, findings(name)) for name, study in STUDIES.items()]
    assert path.read_text(encoding="utf-8") == page_text(found, path)


def test_so_is_every_figure(study: Study) -> None:
    found = findings(study.name)
    files = figure_files(found.figures if found else [])
    committed = {path.name: path for path in (study.folder / "figures").glob("*")}
    assert committed.keys() == files.keys()
    if f"matplotlib=={version('matplotlib')}" not in (PROJECT / "constraints.txt").read_text().split():
        pytest.skip("another matplotlib draws other bytes")
    assert [name for name in files if name.endswith(".svg") and committed[name].read_bytes() != files[name]] == []


def test_a_title_asks_and_claims_nothing(study: Study) -> None:
    assert study.definition.title.endswith("?")


def test_a_rule_that_calls_itself_post_hoc_is_marked(study: Study) -> None:
    unmarked = [claim for claim in study.definition.claims if not claim.rule_after_results]
    assert [claim.id for claim in unmarked if "post hoc" in claim.rule_written.lower()] == []


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
