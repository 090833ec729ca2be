"""Verdicts on invented ledgers whose losses and bytes are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ladderscope.records import EvalLoss, Record
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]
OTHERS = ("linear", "adapter", "avg-pool", "max-pool", "every:2", "every:3")
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
    at_equal_memory = "losses measured on a CPU, bytes predicted"
    assert [verdict.basis for verdict in clear.verdicts] == [at_equal_memory, at_equal_memory, "measured on a CPU"]


@pytest.mark.parametrize(
    ("worse", "changed"),
    [
        ({"max-pool": -0.05}, {"principal-taps": "does not hold", "adapter-taps": "not reproduced"}),
        ({"linear": 0.0, "adapter": 0.0}, {"principal-taps": "cannot tell"}),
        ({"every:3": -0.05}, {"every-block": "does not hold"}),
        ({"every:2": 0.0}, {"every-block": "cannot tell"}),
        ({"adapter": 0.08}, {"adapter-taps": "not reproduced"}),
        ({"adapter": 0.0597}, {"adapter-taps": "cannot tell"}),
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
    """At equal width linear taps are 2% worse; with half the bytes they may be twice as wide, which is worth 5%."""
    records = ledger({"linear": 0.02}, bytes_of={"linear": 0.5})
    assert answers(study.analyse(records))["principal-taps"] == "does not hold"
    assert answers(study.analyse(ledger({"linear": 0.02})))["principal-taps"] == "holds"


def test_bytes_that_a_curve_does_not_reach_decide_nothing(study: Study, ledger: Callable[..., list[Record]]) -> None:
    findings = study.analyse(ledger({}, bytes_of={"linear": 20.0}))
    (verdict, *_) = findings.verdicts
    assert verdict.answer == "cannot tell"
    assert "against linear: not comparable" in verdict.why


def test_an_empty_ledger_tells_nothing(study: Study) -> None:
    findings = study.analyse([])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert [verdict.why for verdict in findings.verdicts] == [
        "64 of 64 cells have no result yet.",
        "36 of 36 cells have no result yet.",
        "36 of 36 cells have no result yet.",
    ]
    assert not findings.tables


def test_table_6_waits_for_no_prediction_for_no_default_and_for_no_width_of_adapters_alone(
    study: Study, ledger: Callable[..., list[Record]]
) -> None:
    def is_read(one: Record) -> bool:
        is_of = any(
            f"downsample={name}" in one.cell.settings for name in ("linear", "adapter", "avg-pool", "max-pool")
        )
        return one.meter == "cpu" and is_of and one.cell.reduction_factor != 2

    records = list(filter(is_read, ledger(EQUAL_ADAPTERS)))
    assert len(records) == 36
    found = answers(study.analyse(records))
    assert found == {"principal-taps": "cannot tell", "every-block": "cannot tell", "adapter-taps": "reproduced"}


def test_a_run_whose_loss_is_lost_leaves_it_open(study: Study, ledger: Callable[..., list[Record]]) -> None:
    records = ledger(EQUAL_ADAPTERS)
    place = next(i for i, one in enumerate(records) if one.meter == "cpu" and "max-pool" in one.cell.settings)
    records[place] = dataclasses.replace(records[place], eval_loss=EvalLoss(before=3.0, after=math.inf))
    found = study.analyse(records)
    assert answers(found) == {"principal-taps": "cannot tell", "every-block": "holds", "adapter-taps": "cannot tell"}
    assert found.verdicts[0].why == "1 of 64 cells have no result yet."


def test_predictions_alone_give_the_bytes_that_are_shared(study: Study, ledger: Callable[..., list[Record]]) -> None:
    (table,) = study.analyse([one for one in ledger({}) if one.meter == "predict"]).tables
    shared = {str(row[0]): row[-2].text for row in table.rows if not isinstance(row[-2], str)}
    assert shared["linear"] == shared["adapter"] == "6.50 to 14.00"
    assert shared["every:2"] == "9.00 to 14.00"
    assert table.bases == {"predicted"}


def test_a_ledger_of_one_seed_lists_what_it_has(study: Study, ledger: Callable[..., list[Record]]) -> None:
    """A run that was interrupted half way: tables, and no verdict."""
    half = [one for one in ledger(EQUAL_ADAPTERS) if one.meter == "predict" or one.cell.seed == 0]
    findings = study.analyse(half)
    assert set(answers(findings).values()) == {"cannot tell"}
    assert "32 of 64 cells" in findings.verdicts[0].why
    losses = [cell.text for row in findings.tables[0].rows for cell in row if not isinstance(cell, str)]
    assert sum(text != "-" for text in losses) == 22
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
    assert rows["`downsample`"][1] == f"{LadderConfig().downsample} (basis {LadderConfig().basis})"
    assert rows["`downsample`"][-1] == "lower loss than linear, adapter, avg-pool, max-pool"
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
