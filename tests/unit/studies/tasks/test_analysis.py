"""Verdicts on invented ledgers whose accuracies are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Record, Status
from ladderscope.studies.bases import ON_CPU
from ladderscope.studies.findings import Findings, Value, verdicts_by_claim
from ladderscope.studies.folder import Study
from ladderscope.studies.intervals import MeanInterval

Invent = Callable[..., list[Record]]
TASKS = ("maths", "critic", "sentiment", "chain")


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim.removeprefix("competitive-"): verdict.answer for verdict in findings.verdicts}


@pytest.fixture(scope="module")
def mixed(study: Study, invent: Invent) -> Findings:
    """Ladder is as good as QLoRA, xLadder far worse, LST a margin worse; QST is worse on one of two learned tasks."""
    levels: dict[Any, float] = {"critic": 0.5, "maths": 0.5}
    levels |= {(task, "xladder"): 0.6 for task in TASKS}
    levels |= {(task, "lst"): 0.75 for task in ("sentiment", "chain")}
    levels |= {(task, "lst"): 0.45 for task in ("critic", "maths")}
    levels |= {("chain", "qst"): 0.68, ("chain", "qst", 48): 0.9}
    return study.analyse(invent(levels))


def test_the_same_accuracy_is_competitive_and_a_much_lower_one_is_not(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({(task, "xladder"): 0.6 for task in TASKS}))
    assert answers(findings) == {
        "ladder": "reproduced",
        "xladder": "not reproduced",
        "qst": "reproduced",
        "lst": "reproduced",
    }


def test_a_gap_of_the_margin_cannot_be_told(mixed: Findings) -> None:
    assert answers(mixed)["lst"] == "cannot tell"


def test_tasks_that_nobody_learns_do_not_make_a_method_competitive(mixed: Findings) -> None:
    """QST's mean over four tasks is within the margin, over the two that QLoRA has learned it is not."""
    assert answers(mixed)["ladder"] == "reproduced"
    assert answers(mixed)["qst"] == "cannot tell"
    (qst,) = [verdict for verdict in mixed.verdicts if verdict.claim == "competitive-qst"]
    assert "(sentiment, chain)" in qst.why


def test_where_qlora_has_learned_nothing_nothing_can_be_told(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent(dict.fromkeys(TASKS, 0.5)))
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("QLoRA itself is" in verdict.why for verdict in findings.verdicts)


@pytest.mark.parametrize(
    ("gap", "on_learned", "answer"),
    [
        ((-0.04, 0.02), (-0.04, 0.02), "reproduced"),
        ((-0.06, 0.02), (-0.04, 0.02), "cannot tell"),
        ((-0.04, 0.02), (-0.06, 0.02), "cannot tell"),
        ((-0.04, 0.02), None, "cannot tell"),
        ((-0.09, -0.06), (-0.09, -0.06), "not reproduced"),
        ((-0.09, -0.04), (-0.09, -0.06), "cannot tell"),
        ((0.06, 0.09), (0.06, 0.09), "reproduced"),
    ],
)
def test_the_rule(
    module: Callable[[str], Any], gap: tuple[float, float], on_learned: tuple[float, float] | None, answer: str
) -> None:
    import sys

    analysis = sys.modules["ladderscope_study_tasks_analysis"]
    both = [None if ends is None else MeanInterval(sum(ends) / 2, *ends, 4) for ends in (gap, on_learned)]
    assert analysis.answer_of(*both, 0.05) == answer


def test_a_ledger_with_holes_says_how_many(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({})[:-3])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("3 of 40 cells" in verdict.why for verdict in findings.verdicts)


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_count_as_missing(study: Study, invent: Invent, status: Status) -> None:
    failed = [Record(cell=one.cell, meter="cpu", status=status, error="no luck") for one in invent({})]
    findings = study.analyse(failed)
    assert all("40 of 40 cells" in verdict.why for verdict in findings.verdicts)
    assert not findings.tables


def test_runs_on_a_cpu_and_on_a_gpu_do_not_fill_up_one_ledger(study: Study, invent: Invent) -> None:
    records = [dataclasses.replace(one, meter="cuda") if one.cell.method == "qst" else one for one in invent({})]
    assert all("8 of 40 cells" in verdict.why for verdict in study.analyse(records).verdicts)


def test_every_claim_has_its_verdict_and_every_number_its_basis(study: Study, mixed: Findings) -> None:
    assert len(verdicts_by_claim(mixed, study.definition.claims, study.name)) == 4
    assert {verdict.basis for verdict in mixed.verdicts} == {ON_CPU}
    assert [table.bases for table in mixed.tables] == [{ON_CPU}] * 4
    assert [figure.bases for figure in mixed.figures] == [{ON_CPU}]


def test_the_tables_show_both_budgets_and_what_is_equal_to_qlora_in_them(mixed: Findings) -> None:
    accuracy, differences, cost, losses = mixed.tables
    assert len(accuracy.rows) == len(losses.rows) == 10
    assert len(differences.rows) == 8
    nearest = {row[0]: row[-1] for row in cost.rows}
    assert nearest["ladder"] == "data"
    assert nearest["ladder, 2x steps"] == "compute, time"
    shown = {row[0]: row[4] for row in differences.rows}
    assert _number(shown["qst"]) == pytest.approx(-12, abs=4)
    assert _number(shown["qst, 2x steps"]) == pytest.approx(10, abs=4)


def test_the_figure_has_a_panel_for_each_task(mixed: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(layout="constrained")
    mixed.figures[0].draw(canvas)
    assert [axes.get_title() for axes in canvas.axes] == list(TASKS)
    assert all(len(axes.containers) == 10 for axes in canvas.axes)


def _number(cell: str | Value) -> float:
    assert isinstance(cell, Value)
    return float(cell.text.split()[0])
