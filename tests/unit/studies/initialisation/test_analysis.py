"""Verdicts on invented ledgers whose losses are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ladderscope.records import Record
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]
STARTS = tuple(f"init={name}" for name in ("default", "orthogonal", "xavier", "he", "pruned", "sliced"))
USUAL = {"identity-start": "holds", "gate": "holds", "gain": "holds"}


@pytest.fixture(scope="session")
def ledger(module: Callable[[str], Any], invent_variants: Invent) -> Callable[..., list[Record]]:
    """A whole ledger in which other starts and the plain gain are worse by 5%, but for what is said."""

    def make(worse: Mapping[str, float], **settings: Any) -> list[Record]:
        usual = {**dict.fromkeys(STARTS, 0.05), "output_gain=1": 0.05, **worse}
        return invent_variants(module("plan").WHOLE, usual, **{"noise": 0.0005, **settings})

    return make


@pytest.fixture(scope="module")
def clear(study: Study, ledger: Callable[..., list[Record]]) -> Findings:
    return study.analyse(ledger({}))


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in findings.verdicts}


def test_defaults_that_are_as_claimed_hold(clear: Findings) -> None:
    assert answers(clear) == USUAL
    assert {verdict.basis for verdict in clear.verdicts} == {"measured on a CPU"}


@pytest.mark.parametrize(
    ("worse", "changed"),
    [
        ({"init=sliced": -0.05}, {"identity-start": "does not hold"}),
        ({"init=he": 0.0}, {"identity-start": "cannot tell"}),
        ({"gate=none": -0.03}, {"gate": "does not hold"}),
        ({"gate=vector": 0.03}, {"gate": "does not hold"}),
        ({"output_gain=1": -0.05}, {"gain": "does not hold"}),
        ({"output_gain=1": 0.0}, {"gain": "cannot tell"}),
    ],
)
def test_other_losses_give_other_verdicts(
    study: Study, ledger: Callable[..., list[Record]], worse: dict[str, float], changed: dict[str, str]
) -> None:
    assert answers(study.analyse(ledger(worse))) == USUAL | changed


def test_noise_leaves_no_verdict(study: Study, ledger: Callable[..., list[Record]]) -> None:
    assert set(answers(study.analyse(ledger({}, noise=0.3))).values()) == {"cannot tell"}


def test_a_cell_that_is_missing_leaves_open_only_the_claim_that_needs_it(
    study: Study, ledger: Callable[..., list[Record]]
) -> None:
    records = [one for one in ledger({}) if "output_gain=1.0" not in one.cell.settings or one.cell.seed == 0]
    findings = study.analyse(records)
    assert answers(findings) == USUAL | {"gain": "cannot tell"}
    assert findings.verdicts[-1].why == "3 of 8 cells have no result yet."


def test_an_empty_ledger_tells_nothing(study: Study) -> None:
    findings = study.analyse([])
    assert [verdict.why for verdict in findings.verdicts] == [
        "28 of 28 cells have no result yet.",
        "12 of 12 cells have no result yet.",
        "8 of 8 cells have no result yet.",
    ]
    assert not findings.tables


def test_the_spread_of_the_predicted_bytes_is_told(study: Study, ledger: Callable[..., list[Record]]) -> None:
    findings = study.analyse(ledger({}, bytes_of={"gate=vector": 1.01}))
    tables = {one.title: one for one in findings.tables}
    memory, training = tables["What the variants take of memory"], tables["What their training takes"]
    assert list(memory.columns) == ["variant", "GiB at 1/8", "bytes at 1/8"]
    assert list(training.columns) == ["variant", "FLOPs at 1/8", "seconds at 1/8"]
    spreads = [[one.text for one in table.rows[-1][1:] if not isinstance(one, str)] for table in (memory, training)]
    assert spreads == [["-", "+0.6%"], ["+0.1%", "+0.1%"]]


def test_no_verdict_waits_for_predictions(study: Study, ledger: Callable[..., list[Record]]) -> None:
    assert answers(study.analyse([one for one in ledger({}) if one.meter == "cpu"])) == USUAL


def test_every_claim_has_its_verdict_and_every_figure_can_be_drawn(study: Study, clear: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    assert set(verdicts_by_claim(clear, study.definition.claims, study.name)) == set(answers(clear))
    for figure in clear.figures:
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert canvas.axes[0].lines


def test_the_last_table_says_what_the_presets_have_and_what_is_shown_of_it(clear: Findings) -> None:
    from ladderscope.methods.side import LadderConfig, LSTConfig

    rows = {str(row[0]): row for row in clear.tables[-1].rows}
    assert rows["`init`"][1] == LadderConfig().init
    assert rows["`init`"][3] == f"{LSTConfig().init} (importance {LSTConfig().importance})"
    assert rows["`init`"][4] == "the value `default`"
    assert "lower loss than init=default, init=orthogonal" in str(rows["`init`"][-1])
    assert rows["`gate`"][-1] == "loss within 1% of gate=vector, gate=none"
    assert rows["`output_gain`"][-1] == "lower loss than output_gain=1"
    assert rows["`output_gain`"][1:3] == ["8", "8"]
