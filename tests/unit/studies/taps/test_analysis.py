"""Verdicts on invented ledgers whose losses and bytes are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ladderscope.records import Record
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]
OTHERS = ("random", "linear", "shared-linear", "lora", "adapter", "avg-pool", "max-pool", "every:2", "every:3")
EQUAL_ADAPTERS = {"linear": 0.05, "adapter": 0.05, "avg-pool": 0.1, "max-pool": 0.1}


@pytest.fixture(scope="session")
def ledger(module: Callable[[str], Any], invent_variants: Invent) -> Callable[..., list[Record]]:
    """A whole ledger in which every other variant is worse by 5%, but for what is said."""

    def make(worse: Mapping[str, float], **settings: Any) -> list[Record]:
        return invent_variants(module("plan").WHOLE, {**dict.fromkeys(OTHERS, 0.05), **worse}, **settings)

    return make


@pytest.fixture(scope="module")
def clear(study: Study, ledger: Callable[..., list[Record]]) -> Findings:
    return study.analyse(ledger(EQUAL_ADAPTERS))


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in findings.verdicts}


def test_a_default_that_is_below_all_holds(clear: Findings) -> None:
    assert answers(clear) == {"principal-taps": "holds", "every-block": "holds", "adapter-taps": "reproduced"}
    assert [verdict.basis for verdict in clear.verdicts] == ["predicted", "predicted", "measured on a CPU"]


@pytest.mark.parametrize(
    ("worse", "changed"),
    [
        ({"random": -0.05}, {"principal-taps": "does not hold"}),
        ({"random": 0.0}, {"principal-taps": "cannot tell"}),
        ({"every:3": -0.05}, {"every-block": "does not hold"}),
        ({"every:2": 0.0}, {"every-block": "cannot tell"}),
        ({"adapter": 0.08}, {"adapter-taps": "not reproduced"}),
        ({"adapter": 0.0595}, {"adapter-taps": "cannot tell"}),
        ({"max-pool": 0.01}, {"adapter-taps": "not reproduced"}),
        ({"avg-pool": 0.05}, {"adapter-taps": "cannot tell"}),
    ],
)
def test_other_losses_give_other_verdicts(
    study: Study, ledger: Callable[..., list[Record]], worse: dict[str, float], changed: dict[str, str]
) -> None:
    usual = {"principal-taps": "holds", "every-block": "holds", "adapter-taps": "reproduced"}
    assert answers(study.analyse(ledger({**EQUAL_ADAPTERS, **worse}))) == usual | changed


def test_at_equal_memory_fewer_bytes_are_worth_something(study: Study, ledger: Callable[..., list[Record]]) -> None:
    """At equal width random taps are 2% worse; with half the bytes they may be twice as wide, which is worth 5%."""
    records = ledger({"random": 0.02}, bytes_of={"random": 0.5})
    assert answers(study.analyse(records))["principal-taps"] == "does not hold"
    assert answers(study.analyse(ledger({"random": 0.02})))["principal-taps"] == "holds"


def test_bytes_that_a_curve_does_not_reach_decide_nothing(study: Study, ledger: Callable[..., list[Record]]) -> None:
    findings = study.analyse(ledger({}, bytes_of={"linear": 20.0}))
    (verdict, *_) = findings.verdicts
    assert verdict.answer == "cannot tell"
    assert "against linear: not comparable" in verdict.why


def test_an_empty_ledger_tells_nothing(study: Study) -> None:
    findings = study.analyse([])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert [verdict.why for verdict in findings.verdicts] == [
        "72 of 72 cells have no result yet.",
        "33 of 33 cells have no result yet.",
        "45 of 45 cells have no result yet.",
    ]
    assert not findings.tables


def test_a_ledger_of_one_seed_lists_what_it_has(study: Study, ledger: Callable[..., list[Record]]) -> None:
    """A run that was interrupted half way: tables, and no verdict."""
    half = [one for one in ledger(EQUAL_ADAPTERS) if one.meter == "predict" or one.cell.seed == 0]
    findings = study.analyse(half)
    assert set(answers(findings).values()) == {"cannot tell"}
    assert "24 of 72 cells" in findings.verdicts[0].why
    losses = [cell.text for row in findings.tables[0].rows for cell in row if not isinstance(cell, str)]
    assert sum(text != "-" for text in losses) == 32
    for figure in findings.figures:
        _draw(figure)
    first = [one for one in half if one.meter == "cpu"][:1]
    assert study.analyse(first).tables


def test_every_claim_has_its_verdict_and_every_figure_can_be_drawn(study: Study, clear: Findings) -> None:
    assert set(verdicts_by_claim(clear, study.definition.claims, study.name)) == set(answers(clear))
    for figure in clear.figures:
        _draw(figure)


def test_the_last_table_says_what_the_presets_have_and_what_is_shown_of_it(clear: Findings) -> None:
    from ladderscope.methods.side import LadderConfig

    rows = {str(row[0]): row for row in clear.tables[-1].rows}
    assert rows["`downsample`"][1] == LadderConfig().downsample
    assert "lower loss than random, linear" in str(rows["`downsample`"][-1])
    assert rows["`basis`"][-1] == "lower loss than random"
    assert rows["`taps`"][-1] == "lower loss than every:2, every:3"


def test_published_accuracies_stand_beside_the_losses_and_are_called_so(clear: Findings) -> None:
    (table,) = [one for one in clear.tables if "table 6" in one.title]
    assert table.bases == {"measured on a CPU", "published"}
    assert [str(row[2].text) for row in table.rows if not isinstance(row[2], str)] == ["+0.2", "+2.6", "+1.4"]


def _draw(figure: Any) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(layout="constrained")
    figure.draw(canvas)
    assert canvas.axes[0].lines
