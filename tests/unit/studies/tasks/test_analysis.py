"""Verdicts on invented ledgers whose accuracies are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import EvalLoss, Record, Status
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
    levels: dict[Any, float] = {"critic": 0.48, "maths": 0.48}
    levels |= {(task, "xladder"): 0.6 for task in TASKS}
    levels |= {(task, "lst"): 0.75 for task in ("sentiment", "chain")}
    levels |= {(task, "lst"): 0.43 for task in ("critic", "maths")}
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
    assert "that QLoRA has learned (sentiment, chain)" in qst.why
    assert "over the tasks that QLoRA has learned the lower end is" in qst.found
    assert mixed.tables[1].note.endswith("By this QLoRA has learned sentiment, chain.")


def test_where_qlora_has_learned_nothing_nothing_can_be_told(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent(dict.fromkeys(TASKS, 0.5)))
    assert set(answers(findings).values()) == {"cannot tell"}
    decided = "What decides: QLoRA's own accuracy is"
    assert all(decided in verdict.found and decided in verdict.why for verdict in findings.verdicts)
    assert all(
        "is not shown to have risen, though its loss has fallen on all 4" in one.why for one in findings.verdicts
    )
    assert [one.found.split("'s accuracy")[0] for one in findings.verdicts] == [
        f"At equal data, {name}" for name in ("Ladder", "xLadder", "QST", "LST")
    ]
    (differences,) = [table for table in findings.tables if "Against QLoRA" in table.title]
    assert "By this QLoRA has learned none of the tasks" in differences.note


@pytest.mark.parametrize(
    ("tasks", "said"),
    [(TASKS, "risen; and a"), (TASKS[2:], "risen, though its loss has fallen on 2 of 4 tasks (maths, critic); and a")],
)
def test_a_loss_that_has_not_fallen_is_not_said_to_have(
    study: Study, invent: Invent, tasks: tuple[str, ...], said: str
) -> None:
    records = [
        dataclasses.replace(one, eval_loss=EvalLoss(before=2.0, after=2.5))
        if one.cell.method == "qlora" and one.cell.steps and set(one.answers) & set(tasks)
        else one
        for one in invent(dict.fromkeys(TASKS, 0.5))
    ]
    assert all(said in one.found for one in study.analyse(records).verdicts)


@pytest.mark.parametrize(
    ("equal", "on_learned", "twice", "answer", "clause"),
    [
        ((-0.04, 0.02), (-0.04, 0.02), (-0.02, 0.04), "reproduced", "and so is that over the tasks"),
        ((-0.04, 0.02), (-0.04, 0.02), (-0.09, -0.06), "reproduced", "and so is that over the tasks"),
        ((-0.06, 0.02), (-0.04, 0.02), (-0.02, 0.04), "cannot tell", "has -5.0 in it"),
        ((-0.04, 0.02), (-0.06, 0.02), (-0.02, 0.04), "cannot tell", "the lower end is -6.0"),
        ((-0.04, 0.02), None, (-0.02, 0.04), "cannot tell", "there is no task on which QLoRA is shown"),
        (
            (-0.09, -0.06),
            (-0.09, -0.06),
            (-0.09, -0.06),
            "not reproduced",
            "and so is that with twice the steps (-6.0)",
        ),
        ((-0.09, -0.06), (-0.09, -0.06), (-0.09, -0.04), "cannot tell", "about what QLoRA's do, is -4.0"),
        ((-0.09, -0.04), (-0.09, -0.06), (-0.09, -0.06), "cannot tell", "has -5.0 in it"),
        ((0.06, 0.09), (0.06, 0.09), (0.06, 0.09), "reproduced", "and so is that over the tasks"),
    ],
)
def test_the_rule(
    module: Callable[[str], Any],
    equal: tuple[float, float],
    on_learned: tuple[float, float] | None,
    twice: tuple[float, float],
    answer: str,
    clause: str,
) -> None:
    verdicts = module("verdicts")
    gaps = [None if ends is None else MeanInterval(sum(ends) / 2, *ends, 4) for ends in (equal, on_learned, twice)]
    found, decided = verdicts.decide(verdicts.Gaps(*gaps), 0.05)
    assert found == answer
    assert clause in decided


def test_what_is_inferior_at_equal_data_alone_cannot_be_told(study: Study, invent: Invent) -> None:
    at_equal = {(task, "lst", steps): 0.6 for task, steps in zip(TASKS, (20, 20, 24, 24), strict=True)}
    findings = study.analyse(invent(at_equal))
    (lst,) = [verdict for verdict in findings.verdicts if verdict.claim == "competitive-lst"]
    assert lst.answer == "cannot tell"
    assert "upper end is below -5.0, but that with twice the steps" in lst.found
    assert "inferior" not in lst.why


def test_what_is_of_one_seed_says_so_wherever_it_stands(mixed: Findings) -> None:
    assert all("of one seed, and the interval is over items alone" in verdict.why for verdict in mixed.verdicts)
    for table in mixed.tables:
        assert all(str(row[0]).endswith(", one seed") for row in table.rows if "2x" in str(row[0]))


def test_a_ledger_with_holes_says_how_many_and_shows_what_is_there(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({})[:-3])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("3 of 80 cells" in verdict.why for verdict in findings.verdicts)
    assert {verdict.basis for verdict in findings.verdicts} == {None}
    assert [table.bases for table in findings.tables] == [{ON_CPU}] * 4
    assert not findings.figures


def test_a_first_task_alone_has_its_column(study: Study, invent: Invent) -> None:
    quick = [one for one in invent({}) if "sentiment" in one.answers and one.cell.method in ("qlora", "ladder")]
    accuracy, differences, cost, losses = study.analyse(quick).tables
    shown = {row[0]: [isinstance(cell, Value) for cell in row[1:]] for row in accuracy.rows}
    assert shown["qlora"] == [False, False, True, False, False]
    assert shown["qst"] == [False] * 5
    assert {row[0]: [isinstance(cell, Value) for cell in row[1:]] for row in differences.rows}["ladder"] == [
        False, False, True, False, False, True,
    ]  # fmt: skip
    assert {row[0]: isinstance(row[3], Value) for row in losses.rows}["ladder"]
    assert {row[0]: [isinstance(cell, Value) for cell in row[1:]] for row in cost.rows}["ladder"] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_runs_on_other_items_are_not_compared(study: Study, invent: Invent) -> None:
    records = invent({})
    other = dataclasses.replace(records[7].answers["maths"], items="others")
    records[7] = dataclasses.replace(records[7], answers={"maths": other})
    findings = study.analyse(records)
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("Runs of maths had different items (items of maths, others)" in one.why for one in findings.verdicts)
    assert not findings.tables


def test_seeds_that_disagree_leave_it_open(study: Study, invent: Invent) -> None:
    """Each seed's items are paired, yet one seed in three is far below: QST is not shown to be within the margin."""
    steady = invent({})
    poor = {one.cell.cell_id: one for one in invent({(task, "qst"): 0.5 for task in TASKS})}
    records = [poor[one.cell.cell_id] if (one.cell.method, one.cell.seed) == ("qst", 2) else one for one in steady]
    found = answers(study.analyse(records))
    assert (found["qst"], found["lst"]) == ("cannot tell", "reproduced")


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_count_as_missing(study: Study, invent: Invent, status: Status) -> None:
    failed = [Record(cell=one.cell, meter="cpu", status=status, error="no luck") for one in invent({})]
    findings = study.analyse(failed)
    assert all("80 of 80 cells" in verdict.why for verdict in findings.verdicts)
    assert not findings.tables


def test_runs_on_a_cpu_and_on_a_gpu_do_not_fill_up_one_ledger(study: Study, invent: Invent) -> None:
    records = [dataclasses.replace(one, meter="cuda") if one.cell.method == "qst" else one for one in invent({})]
    assert all("16 of 80 cells" in verdict.why for verdict in study.analyse(records).verdicts)


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
    assert nearest["ladder, 2x steps, one seed"] == "compute, time"
    titles = "maths (150 items of 30 templates)", "critic (200 items of 30 templates)", "sentiment (300 items)"
    assert tuple(accuracy.columns[1:4]) == titles
    shown = {row[0]: row[4] for row in differences.rows}
    assert _number(shown["qst"]) == pytest.approx(-12, abs=4)
    assert _number(shown["qst, 2x steps, one seed"]) == pytest.approx(10, abs=4)


def test_the_figure_has_a_panel_for_each_task(mixed: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(layout="constrained")
    mixed.figures[0].draw(canvas)
    assert [axes.get_title() for axes in canvas.axes] == list(TASKS)
    assert all(len(axes.containers) == 10 for axes in canvas.axes)


def _number(cell: str | Value) -> float:
    assert isinstance(cell, Value)
    return float(cell.text.split()[0])
