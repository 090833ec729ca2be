"""Verdicts on invented ledgers whose slopes are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Record, Status
from ladderscope.studies.bases import ON_CPU
from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]


def answers(findings: Findings) -> dict[str, str]:
    return {verdict.claim: verdict.answer for verdict in findings.verdicts}


@pytest.fixture(scope="module")
def falling(study: Study, invent: Invent) -> Findings:
    """All methods fall alike, and Ladder lies 5% below QLoRA."""
    return study.analyse(invent(levels={"ladder": -0.05}))


@pytest.mark.parametrize(
    ("ladder", "qlora", "answer"),
    [
        (-0.02, -0.02, "reproduced"),
        (-0.02, 0.0, "not reproduced"),
        (0.0, -0.02, "not reproduced"),
        (0.02, -0.02, "not reproduced"),
        (-0.02, -0.01 / math.log(32), "cannot tell"),
    ],
)
def test_both_methods_must_fall_by_more_than_what_counts_as_flat(
    study: Study, invent: Invent, ladder: float, qlora: float, answer: str
) -> None:
    assert answers(study.analyse(invent({"ladder": ladder, "qlora": qlora})))["scales"] == answer


def test_a_fall_over_ranks_that_comes_with_a_fixed_alpha_alone_is_none(
    study: Study, invent: Invent, module: Callable[[str], Any]
) -> None:
    plan = module("plan")
    records = invent()
    usual = {
        (one.cell.model, one.cell.seed): one
        for one in records
        if plan.method_of(one.cell) == "qlora" and one.cell.rank == plan.USUAL_RANK
    }
    mixed = [
        dataclasses.replace(one, eval_loss=usual[one.cell.model, one.cell.seed].eval_loss)
        if plan.method_of(one.cell) == plan.SCALED
        else one
        for one in records
    ]
    assert answers(study.analyse(records))["scales"] == "reproduced"
    assert answers(study.analyse(mixed))["scales"] == "cannot tell"
    why = next(one.why for one in study.analyse(mixed).verdicts if one.claim == "scales")
    assert "What decides: QLoRA with one of twice the rank is not shown to fall by more than 1%" in why


@pytest.mark.parametrize(
    ("qlora", "scales", "rank_free"),
    [
        (
            -0.03,
            "each is shown to fall by more than 1%",
            "beyond the margin of 1%, with one of twice the rank beyond it",
        ),
        (0.0, "QLoRA's with both alphas, is shown to fall by less than 1%", "it is within the margin of 1%"),
        (-0.01 / math.log(32), "neither Ladder nor QLoRA with both alphas is shown to fall by less.", "it is within"),
        (-0.01 / math.log(4), "each is shown", "it is not shown on both backbones to be within or beyond the margin"),
    ],
)
def test_verdicts_say_what_decides(study: Study, invent: Invent, qlora: float, scales: str, rank_free: str) -> None:
    found = {one.claim: one for one in study.analyse(invent({"ladder": -0.02, "qlora": qlora})).verdicts}
    assert scales in found["scales"].why.partition("What decides: ")[2]
    for text in (found["rank-free"].found, found["rank-free"].why):
        assert rank_free in text.partition("What decides: ")[2]


def test_backbones_that_disagree_tell_nothing(study: Study, invent: Invent, module: Callable[[str], Any]) -> None:
    small, large = (one.name for one in module("plan").BACKBONES)
    steep, flat = invent({}), invent({"ladder": 0.0, "qlora": 0.0}, levels={"ladder": 0.1})
    mixed = [one for one in steep if one.cell.model == small] + [one for one in flat if one.cell.model == large]
    found = answers(study.analyse(mixed))
    assert found["scales"] == "cannot tell"
    assert found["rank-free"] == "cannot tell"


@pytest.mark.parametrize(
    ("slope", "noise", "answer"),
    [
        (0.0, 0.0005, "reproduced"),
        (-0.03, 0.0005, "not reproduced"),
        (0.03, 0.0005, "not reproduced"),
        (0.0, 0.02, "cannot tell"),
        (-0.01 / math.log(4), 0.0005, "cannot tell"),
    ],
)
def test_rank_is_free_if_ranks_above_eight_are_equivalent_to_it(
    study: Study, invent: Invent, slope: float, noise: float, answer: str
) -> None:
    assert answers(study.analyse(invent({"qlora": slope}, noise=noise)))["rank-free"] == answer


@pytest.mark.parametrize(("level", "answer"), [(-0.05, "holds"), (0.05, "does not hold"), (0.0, "cannot tell")])
def test_the_lower_loss_at_equal_parameters_is_what_is_asked_for(
    study: Study, invent: Invent, level: float, answer: str
) -> None:
    assert answers(study.analyse(invent(levels={"ladder": level})))["equal-parameters"] == answer


def test_methods_without_a_shared_range_of_parameters_are_not_compared(study: Study, invent: Invent) -> None:
    records = [
        dataclasses.replace(one, params=dataclasses.replace(one.params, trainable=one.params.trainable * 10**6))
        if one.cell.method == "ladder" and one.params
        else one
        for one in invent()
    ]
    (verdict,) = [one for one in study.analyse(records).verdicts if one.claim == "equal-parameters"]
    assert verdict.answer == "cannot tell"
    assert "share no range" in verdict.why


def test_slopes_are_those_that_were_put_in_and_what_a_seed_does_to_all_is_not_in_them(
    module: Callable[[str], Any], invent: Invent
) -> None:
    records = invent({"qlora": -0.03}, noise=0.0)
    for backbone in module("plan").BACKBONES:
        found = module("trends").trend_of(records, backbone.name, "qlora", 0.95)
        assert found.slope.mean == pytest.approx(-0.03, abs=1e-9)
        assert found.change.mean == pytest.approx(-0.03 * math.log(32), abs=1e-9)
        assert found.slope.high - found.slope.low < 1e-9
        assert found.slope.count == 3


def test_the_gap_at_equal_parameters_is_that_of_the_levels(module: Callable[[str], Any], invent: Invent) -> None:
    records = invent(levels={"ladder": -0.07}, noise=0.0)
    for backbone in module("plan").BACKBONES:
        gap = module("equal").gap_at_equal_parameters(records, backbone.name, "ladder", "qlora", 0.95)
        assert gap.mean == pytest.approx(-0.07, abs=1e-9)


def test_within_the_same_compute_the_sizes_that_cost_more_are_left_out(
    module: Callable[[str], Any], invent: Invent
) -> None:
    records, best_within = invent(noise=0.0), module("equal").best_within
    for backbone in module("plan").BACKBONES:
        assert best_within(records, backbone.name, "qlora", "data", 0.95).size == 32
        assert best_within(records, backbone.name, "qlora", "compute", 0.95).size == 8
        assert best_within(records, backbone.name, "qlora", "time", 0.95).gap.mean == 0
        dear = [_dearer(one) if one.cell.method == "lora" else one for one in records]
        assert best_within(dear, backbone.name, "lora", "compute", 0.95) is None


def _dearer(record: Record) -> Record:
    assert record.flops is not None
    return dataclasses.replace(record, flops=dataclasses.replace(record.flops, per_step=record.flops.per_step * 10))


def test_the_frontier_falls_as_more_is_spent_and_nothing_beats_it(
    module: Callable[[str], Any], invent: Invent
) -> None:
    records = invent(noise=0.003)
    for backbone in module("plan").BACKBONES:
        front = module("tables").frontier(records, backbone.name, "compute")
        spent, losses = [point[0] for point in front], [point[1] for point in front]
        assert spent == sorted(spent)
        assert losses == sorted(losses, reverse=True)
        # Side networks cost half as much here, so the cheapest one is on it.
        assert front[0][2:] in {(method, 16) for method in module("plan").SIDE_NETWORKS}


def test_a_ledger_with_holes_says_how_many_and_lists_what_there_is(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent()[:-3])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("3 of 180 cells have no result yet." in verdict.why for verdict in findings.verdicts)
    assert [len(table.rows) for table in findings.tables] == [30, 30]
    assert study.analyse([]).verdicts[0].why == "180 of 180 cells have no result yet."


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_count_as_missing(study: Study, invent: Invent, status: Status) -> None:
    failed = [Record(cell=one.cell, meter="cpu", status=status, error="no luck") for one in invent()]
    findings = study.analyse(failed)
    assert all("180 of 180 cells" in verdict.why for verdict in findings.verdicts)
    assert not findings.tables


def test_runs_on_a_cpu_and_on_a_gpu_do_not_fill_up_one_ledger(study: Study, invent: Invent) -> None:
    records = [dataclasses.replace(one, meter="cuda") if one.cell.method == "qst" else one for one in invent()]
    assert all("24 of 180 cells" in verdict.why for verdict in study.analyse(records).verdicts)


def test_the_bounds_of_the_study_decide(study: Study, invent: Invent) -> None:
    loose = {**study.definition.bounds, "flat": 0.5, "equal": 0.5}
    found = answers(Study(study.folder, dataclasses.replace(study.definition, bounds=loose)).analyse(invent()))
    assert found["scales"] == "not reproduced"
    assert found["rank-free"] == "reproduced"


def test_every_claim_has_its_verdict_and_all_numbers_say_where_they_come_from(study: Study, falling: Findings) -> None:
    assert set(verdicts_by_claim(falling, study.definition.claims, study.name)) == set(answers(falling))
    assert {verdict.basis for verdict in falling.verdicts} == {ON_CPU}
    assert [table.bases for table in falling.tables] == [{ON_CPU}] * 6
    assert [figure.bases for figure in falling.figures] == [{ON_CPU}] * 2


def test_the_tables_name_all_methods_and_the_figures_can_be_drawn(falling: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    trends, equal, *_, small, large = falling.tables
    methods = {"qlora", "lora", "ladder", "xladder", "qst", "lst"}
    assert {row[1] for row in equal.rows} == methods
    assert {row[1] for row in trends.rows} == methods | {"qlora, alpha 2r"}
    assert {row[0] for row in small.rows} == {row[0] for row in large.rows} == methods | {"qlora, alpha 2r"}
    for figure in falling.figures:
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert [len(axes.lines) >= len(methods) for axes in canvas.axes] == [True, True]
