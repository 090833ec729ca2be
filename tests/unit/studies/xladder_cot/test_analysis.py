"""Verdicts on invented ledgers whose accuracies are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Record, Status
from ladderscope.studies.bases import ON_CPU
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]
BETTER = {("xladder-4", 2): 0.8, ("xladder-4", 4): 0.5, ("xladder-8", 2): 0.8, ("xladder-8", 4): 0.5}


@pytest.fixture(scope="module")
def better(study: Study, invent: Invent) -> Findings:
    """xLadder is twenty points ahead of Ladder on chains of medium length, with four free blocks and with eight."""
    return study.analyse(invent(BETTER))


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in findings.verdicts}


def why(findings: Findings, claim: str) -> str:
    (found,) = [verdict.why for verdict in findings.verdicts if verdict.claim == claim]
    return found


def test_more_right_answers_on_short_chains_are_what_is_claimed(better: Findings) -> None:
    assert answers(better) == {"shorter-chains": "reproduced", "deeper-shorter": "holds"}


def test_chains_that_nobody_learns_are_not_asked(better: Findings) -> None:
    """With all operations at once both are at chance, which would only make the gain smaller."""
    assert "every 2 and 4 operations" in why(better, "shorter-chains")


def test_the_same_accuracy_is_no_gain(study: Study, invent: Invent) -> None:
    assert answers(study.analyse(invent({}))) == {
        "shorter-chains": "not reproduced",
        "deeper-shorter": "does not hold",
    }


def test_a_gain_that_costs_the_long_chain_is_none(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({**BETTER, ("xladder-4", 1): 0.7}))
    assert answers(findings)["shorter-chains"] == "cannot tell"


def test_a_gain_with_one_seed_alone_is_left_open(study: Study, invent: Invent) -> None:
    """Of two seeds that differ much, nothing is known of a third."""
    plain = {one.cell.cell_id: one for one in invent({})}
    mixed = [one if one.cell.seed < 2 else plain[one.cell.cell_id] for one in invent(BETTER)]
    worse = [
        one if one.cell.seed < 2 or one.cell.method != "ladder" else two
        for one, two in zip(mixed, invent({("ladder", 2): 0.64}), strict=True)
    ]
    assert answers(study.analyse(worse))["shorter-chains"] == "cannot tell"


def test_two_seeds_that_differ_a_little_leave_it_open(study: Study, invent: Invent) -> None:
    """Twenty points with one seed and ten with the other: of two values, Student's t says 15 give or take 64."""
    less = {one.cell.cell_id: one for one in invent({**BETTER, ("xladder-4", 2): 0.7, ("xladder-4", 4): 0.4})}
    mixed = [one if one.cell.seed < 2 else less[one.cell.cell_id] for one in invent(BETTER)]
    assert answers(study.analyse(mixed))["shorter-chains"] == "cannot tell"


def test_few_items_leave_it_open(study: Study, invent: Invent) -> None:
    records = invent({("xladder-4", 2): 0.64, ("xladder-4", 4): 0.3}, items=24)
    assert answers(study.analyse(records))["shorter-chains"] == "cannot tell"


def test_without_a_long_chain_there_is_none_to_shorten(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({**BETTER, ("ladder", 1): 0.7}))
    assert answers(findings)["shorter-chains"] == "cannot tell"
    assert "no chain to shorten" in why(findings, "shorter-chains")


def test_chance_everywhere_tells_nothing(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({}, usual={1: 0.95, 2: 0.07, 4: 0.07, 8: 0.07}))
    assert set(answers(findings).values()) == {"cannot tell"}


@pytest.mark.parametrize("left", [0, 30])
def test_a_ledger_with_holes_says_how_many_and_lists_what_is_there(study: Study, invent: Invent, left: int) -> None:
    findings = study.analyse(invent({})[:left])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all(f"{81 - left} of 81 cells have no result yet." in verdict.why for verdict in findings.verdicts)
    assert bool(findings.tables) == bool(left)


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_count_as_missing(study: Study, invent: Invent, status: Status) -> None:
    failed = [Record(cell=one.cell, meter="cpu", status=status, error="no luck") for one in invent({})]
    assert all("81 of 81 cells" in verdict.why for verdict in study.analyse(failed).verdicts)


def test_runs_on_a_cpu_and_on_a_gpu_do_not_fill_up_one_ledger(study: Study, invent: Invent) -> None:
    records = [dataclasses.replace(one, meter="cuda") if one.cell.method == "qlora" else one for one in invent({})]
    assert all("17 of 81 cells" in verdict.why for verdict in study.analyse(records).verdicts)


def test_every_claim_has_its_verdict_and_numbers_say_where_they_come_from(study: Study, better: Findings) -> None:
    assert set(verdicts_by_claim(better, study.definition.claims, study.name)) == set(answers(better))
    assert {verdict.basis for verdict in better.verdicts} == {ON_CPU}
    assert [table.bases for table in better.tables] == [{ON_CPU}] * 5
    assert [figure.bases for figure in better.figures] == [{ON_CPU}]


def test_the_shortest_chain_that_is_good_enough(module: Callable[[str], Any], invent: Invent) -> None:
    records = module("outcome").usable(invent({("xladder-8", 2): 0.9, ("xladder-2", 1): 0.5}))
    shortest_of = module("shortest").shortest_of
    assert [shortest_of(records, arm, 0.85) for arm in ("ladder", "xladder-8", "xladder-2")] == [1, 2, None]


def test_at_equal_compute_the_dearer_method_is_read_at_its_smaller_budget(
    module: Callable[[str], Any], invent: Invent
) -> None:
    """QLoRA spends half as much again in each step, so that its 1,500 steps cost more than Ladder's."""
    outcome, plan = module("outcome"), module("plan")
    records = outcome.usable(invent({("qlora", 2): 0.9}))
    less = plan.BUDGETS[0]
    without_answers = [
        dataclasses.replace(one, answers={"chains": dataclasses.replace(found, correct="0" * len(found.correct))})
        if one.cell.method == "qlora" and one.cell.steps == less
        else one
        for one in records
        for found in [outcome.answers_of(one)]
    ]
    of_ladder = outcome.accuracy(outcome.runs_of(records, "ladder", 2))
    found = outcome.gap_at_equal(without_answers, "qlora", "ladder", (2,), "compute")
    assert found.mean == pytest.approx(-of_ladder)
    assert found.budgets == {2: (less, plan.BUDGETS[1])}
    without = [one for one in records if (one.cell.method, one.cell.steps) != ("qlora", less)]
    assert outcome.gap_at_equal(without, "qlora", "ladder", (2,), "compute") is None


def test_what_is_compared_at_equal_compute_is_named_by_its_steps(better: Findings) -> None:
    (table,) = [one for one in better.tables if "Against Ladder" in one.title]
    shown = {(row[0], row[1]): [cell.text for cell in row[2:] if not isinstance(cell, str)] for row in table.rows}
    assert shown["xladder-4", "every 2nd"][1].endswith(" (1,500 and 1,500)")
    assert shown["qlora", "every 2nd"][1].endswith(" (500 and 1,500)")


def test_seeds_that_differ_much_bound_nothing_and_it_says_so(study: Study, invent: Invent) -> None:
    less = {one.cell.cell_id: one for one in invent({("xladder-4", 2): 0.1})}
    records = [one if one.cell.seed < 2 else less[one.cell.cell_id] for one in invent({("xladder-4", 2): 1.0})]
    findings = study.analyse(records)
    assert "points (95% interval without bounds), " in why(findings, "shorter-chains")
    assert "with the 2 seeds, which are too few to bound it" in why(findings, "shorter-chains")
    shown = [cell.text for table in findings.tables for row in table.rows for cell in row if not isinstance(cell, str)]
    assert any("(without bounds)" in text for text in shown)
    assert not any("-100.0 to +100.0" in text for text in shown)


def test_where_both_answer_everything_right_no_interval_is_given(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({**BETTER, ("ladder", 1): 2.0, ("xladder-4", 1): 2.0}))
    said = "With every value written both answer everything right, so that no interval can be given."
    assert why(findings, "shorter-chains").endswith(said)
    (table,) = [one for one in findings.tables if "Against Ladder" in one.title]
    shown = {(row[0], row[1]): row[2] for row in table.rows}
    assert getattr(shown["xladder-4", "long"], "text", "") == "+0.0 (all alike)"
    assert "all alike: the differences do not vary" in table.note
    assert said not in why(study.analyse(invent(BETTER)), "shorter-chains")


def test_the_figure_has_a_line_for_each_method_and_depth(better: Findings, module: Callable[[str], Any]) -> None:
    from matplotlib.figure import Figure as Canvas

    (figure,) = better.figures
    canvas = Canvas(layout="constrained")
    figure.draw(canvas)
    assert len(canvas.axes[0].containers) == len(module("plan").ARMS)
