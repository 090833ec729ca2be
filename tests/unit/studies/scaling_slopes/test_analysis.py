"""Verdicts on invented ledgers whose slopes are known."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Record
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]


@pytest.fixture(scope="module")
def mixed(study: Study, invent: Invent) -> Findings:
    """Ladder scales as QLoRA does at half of the cost; xLadder's slope is half of QLoRA's."""
    return study.analyse(invent({"xladder": 0.1}, cost={"ladder": 0.5}))


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in findings.verdicts}


def test_equal_exponents_are_equivalent_and_others_different(mixed: Findings) -> None:
    found = answers(mixed)
    assert found["slope-ladder"] == "reproduced"
    assert found["slope-lst"] == "reproduced"
    assert found["slope-xladder"] == "not reproduced"


def test_the_same_loss_at_the_same_compute_decides_nothing(mixed: Findings) -> None:
    """Ladder has QLoRA's curve over its own compute here, whatever its steps cost."""
    assert answers(mixed)["equal-compute"] == "cannot tell"


@pytest.mark.parametrize(("factor", "answer"), [(0.9, "reproduced"), (1.1, "not reproduced")])
def test_a_lower_loss_at_equal_compute_is_what_is_claimed(
    module: Callable[[str], Any], invent: Invent, factor: float, answer: str
) -> None:
    records = [_scaled(one, factor) if one.cell.method == "ladder" else one for one in invent({})]
    found = module("equal").at_equal(records, "ladder", "qlora", "compute")
    assert sys.modules["ladderscope_study_scaling_slopes_analysis"].equal_compute(found).answer == answer


def test_noise_leaves_no_verdict_and_the_margin_that_would_have_been_shown(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({}, noise=0.1))
    (ladder,) = [verdict for verdict in findings.verdicts if verdict.claim == "slope-ladder"]
    assert ladder.answer == "cannot tell"
    assert "margin" in ladder.why


def test_a_ledger_with_holes_says_how_many(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({})[:-3])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("3 of 216 cells" in verdict.why for verdict in findings.verdicts)


def test_every_claim_has_its_verdict(study: Study, mixed: Findings) -> None:
    assert set(verdicts_by_claim(mixed, study.definition.claims, study.name)) == set(answers(mixed))


def test_the_tables_name_all_methods_and_the_figures_can_be_drawn(mixed: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    slopes, multipliers, equal, losses = mixed.tables
    assert {row[0] for row in slopes.rows} == {row[0] for row in multipliers.rows} == {row[0] for row in equal.rows}
    assert len(losses.rows) == 6
    for figure in mixed.figures:
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert canvas.axes[0].lines


def test_the_gap_is_taken_where_both_have_spent_the_most(module: Callable[[str], Any], invent: Invent) -> None:
    """At half the cost, Ladder has spent half the compute at equal data, and is ahead in data at equal compute."""
    records = invent({}, cost={"ladder": 0.5}, noise=0.0)
    at_equal = module("equal").at_equal
    assert at_equal(records, "ladder", "qlora", "compute").mean == pytest.approx(0, abs=0.02)
    assert at_equal(records, "ladder", "qlora", "data").mean > 0.03
    assert at_equal(records, "qlora", "qlora", "time").mean == 0


def _scaled(record: Record, factor: float) -> Record:
    assert record.eval_loss is not None
    return dataclasses.replace(
        record, eval_loss=dataclasses.replace(record.eval_loss, after=record.eval_loss.after * factor)
    )


def test_logarithms_are_averaged(module: Callable[[str], Any], invent: Invent) -> None:
    records = invent({}, noise=0.0)
    half = [_scaled(one, 0.5) if one.cell.method == "ladder" else one for one in records]
    assert module("equal").at_equal(half, "ladder", "qlora", "data").mean == pytest.approx(math.log(0.5), abs=1e-9)
