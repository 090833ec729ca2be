"""Verdicts on invented ledgers whose slopes are known."""

from __future__ import annotations

import dataclasses
import math
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Record, Status
from ladderscope.scaling.comparison.judgement import without_verdict
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.studies.bases import ON_CPU
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
    study: Study, module: Callable[[str], Any], invent: Invent, factor: float, answer: str
) -> None:
    records = [_scaled(one, factor) if one.cell.method == "ladder" else one for one in invent({})]
    gaps = module("equal").gaps_at_equal(records, "ladder", "qlora", "compute")
    analysis = sys.modules["ladderscope_study_scaling_slopes_analysis"]
    assert analysis.equal_compute(gaps, study.definition.bounds, ON_CPU).answer == answer


def test_a_gap_that_grows_with_the_backbone_is_shown_backbone_by_backbone(
    study: Study, module: Callable[[str], Any], invent: Invent
) -> None:
    names = [one.name for one in module("family").FAMILY]
    factors = dict(zip(names, (0.9, 0.95, 1.0, 1.05, 1.1, 1.2), strict=True))
    records = [
        _scaled(one, factors[one.cell.model]) if one.cell.method == "ladder" else one for one in invent({}, noise=0.0)
    ]
    shown = ["-10.0%", "-5.0%", "0.0%", "+5.0%", "+10.0%", "+20.0%"]
    rows = {row[0]: row[1:] for row in module("tables").equal_compute_table(records).rows}
    assert [cell.text for cell in rows["ladder"]] == shown
    assert {cell.text for cell in rows["lst"]} == {"0.0%"}
    analysis = sys.modules["ladderscope_study_scaling_slopes_analysis"]
    gaps = module("equal").gaps_at_equal(records, "ladder", "qlora", "compute")
    verdict = analysis.equal_compute(gaps, study.definition.bounds, ON_CPU)
    assert verdict.answer == "cannot tell"
    assert verdict.why.endswith(f"From the smallest to the largest backbone: {', '.join(shown)}.")
    assert "from -10.0% on the smallest to +20.0% on the largest backbone. That interval has zero" in verdict.found


def test_every_verdict_on_a_slope_says_what_the_slopes_within_backbones_are(mixed: Findings) -> None:
    said = "Within backbones, as a review found afterwards, on 2026-11-23, the ratio of mean slopes is "
    found = {verdict.claim: verdict.why.partition(said) for verdict in mixed.verdicts if "slope" in verdict.claim}
    assert set(found) == {"slope-ladder", "slope-xladder", "slope-lst"}
    assert found["slope-ladder"][2].endswith(": equivalent.")
    assert found["slope-xladder"][2].endswith(": different.")


def test_a_verdict_stays_by_its_rule_and_says_where_slopes_within_backbones_do_not_bear_it_out(
    study: Study, risen: list[Record]
) -> None:
    """Levels that rise with size flatten the curve through all sizes: the slope on each backbone is QLoRA's."""
    findings = study.analyse(risen)
    assert answers(findings)["slope-ladder"] == "not reproduced"
    (ladder,) = [verdict for verdict in findings.verdicts if verdict.claim == "slope-ladder"]
    assert ladder.why.endswith(": equivalent, so that this verdict rests on how losses differ from size to size.")


def test_a_slope_that_differs_says_which_way_and_what_the_loss_is(
    study: Study, mixed: Findings, invent: Invent
) -> None:
    flatter = {one.claim: one for one in mixed.verdicts}["slope-xladder"]
    assert flatter.direction == "the fitted exponent is smaller"
    steeper = {one.claim: one for one in study.analyse(invent({"lst": 0.4})).verdicts}["slope-lst"]
    assert (steeper.answer, steeper.direction) == ("not reproduced", "the fitted exponent is larger")
    for verdict in (flatter, steeper):
        assert "times QLoRA's: different with runs as the unit and with backbones (90% interval" in verdict.found
        assert "this curve takes for slope how the level of the loss differs from size to size" in verdict.found
        assert verdict.direction not in verdict.found
        assert re.search(
            r"At equal compute (xLadder|LST)'s loss is [0-9.]+% (below|above) that of QLoRA \(95% interval",
            verdict.why,
        )
        assert not re.search(r"the loss falls (faster|slower)", f"{verdict.why} {verdict.found}")


@pytest.mark.parametrize(("p", "adjusted", "is_said"), [(0.024, 0.096, True), (0.2, 0.8, False)])
def test_where_holm_alone_leaves_it_open_both_p_are_told(
    study: Study, invent: Invent, module: Callable[[str], Any], p: float, adjusted: float, is_said: bool
) -> None:
    """An interval of a single comparison that leaves one out does not explain why nothing can be told."""
    fit = module("fitting").fits_of(invent({}), 0.95, 0.1)["run"]
    by_run = module("fitting").comparison_of(fit, "ladder")
    slope = dataclasses.replace(
        by_run.slopes[0],
        verdict="inconclusive",
        equivalence_interval=(-0.27, 0.62),
        p_difference=p,
        p_difference_holm=adjusted,
    )
    by_backbone = dataclasses.replace(by_run, verdict="inconclusive", slopes=[slope])
    said = module("sentences").units_sentence("ladder", by_run, by_backbone, 0.95)
    assert "inconclusive with backbones (90% interval -0.27 to 0.62" in said
    assert (
        "would differ: p 0.024; what decides is the adjustment by Holm over all methods: p 0.096" in said
    ) == is_said
    unknown = dataclasses.replace(slope, second=Estimate(None))
    assert (
        module("sentences").units_sentence("ladder", by_run, dataclasses.replace(by_backbone, slopes=[unknown]), 0.95)
        == ""
    )


def test_what_stands_under_the_title_is_short(mixed: Findings) -> None:
    found = [one.found for one in mixed.verdicts if "slope" in one.claim]
    assert all(text.count(". ") == 1 for text in found)


def test_slopes_that_are_not_shown_to_differ_have_no_direction(mixed: Findings) -> None:
    assert {one.direction for one in mixed.verdicts if one.answer != "not reproduced"} == {""}


def test_slopes_that_do_not_decide_are_shown_too(mixed: Findings) -> None:
    """A comparison has several, and they may disagree."""
    decide, _, others = mixed.tables[:3]
    assert {row[2] for row in decide.rows} == {"exponent, shared offset"}
    assert {"exponent, all own", "local log-log slope"} <= {row[2] for row in others.rows}
    assert len(others.rows) >= 2 * len(decide.rows)


def test_slopes_within_backbones_are_shown_with_and_without_what_calibration_costs(mixed: Findings) -> None:
    """A second count of the same runs is no comparison of the family: it has no adjusted p, and no verdict."""
    rows = {row[0]: row[1:] for row in mixed.tables[1].rows}
    assert list(rows)[-2:] == ["ladder, steps alone", "xladder, steps alone"]
    *counted, p, verdict = rows["xladder"]
    *alone, p_alone, no_verdict = rows["xladder, steps alone"]
    assert alone == counted  # nothing was spent before the first step here
    assert ("Holm" in str(p), "Holm" in str(p_alone)) == (True, False)
    assert (verdict, no_verdict) == ("different", "-")


@pytest.mark.parametrize(
    ("first", "ends", "text"),
    [(1.057, (0.917, 1.159), "1.06 (0.92 to 1.16)"), (-1e-4, (-47.93, 60.85), "0.00 (-48 to 61)")],
)
def test_a_ratio_has_no_more_digits_than_it_needs(
    module: Callable[[str], Any], first: float, ends: tuple[float, float], text: str
) -> None:
    slope = dataclasses.replace(
        without_verdict("slope", "invented"), first=Estimate(first), second=Estimate(1.0), equivalence_interval=ends
    )
    assert module("slope_tables").ratio_text(slope) == text
    unbounded = dataclasses.replace(slope, equivalence_interval=None)
    assert module("slope_tables").ratio_text(unbounded).endswith(" (no bounds)")


@pytest.mark.slow
def test_noise_leaves_no_verdict_and_the_margin_that_would_have_been_shown(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({}, noise=0.1))
    (ladder,) = [verdict for verdict in findings.verdicts if verdict.claim == "slope-ladder"]
    assert ladder.answer == "cannot tell"
    assert re.search(r"The data would have shown equivalence only within [0-9.]+%", ladder.why)


def test_a_ledger_with_holes_says_how_many(study: Study, invent: Invent) -> None:
    findings = study.analyse(invent({})[:-3])
    assert set(answers(findings).values()) == {"cannot tell"}
    assert all("3 of 216 cells" in verdict.why for verdict in findings.verdicts)


@pytest.mark.parametrize("status", ["error", "timeout"])
def test_failed_cells_count_as_missing(study: Study, invent: Invent, status: Status) -> None:
    failed = [Record(cell=one.cell, meter="cpu", status=status, error="no luck") for one in invent({})]
    findings = study.analyse(failed)
    assert all("216 of 216 cells" in verdict.why for verdict in findings.verdicts)
    assert not findings.tables


@pytest.mark.slow
def test_the_margin_of_the_study_decides(study: Study, invent: Invent) -> None:
    """The same ledger with a margin that nothing can be shown to be within."""
    strict = {**study.definition.bounds, "margin": 1e-6}
    other = Study(study.folder, dataclasses.replace(study.definition, bounds=strict))
    assert answers(other.analyse(invent({})))["slope-ladder"] == "cannot tell"


def test_too_few_backbones_tell_nothing(study: Study, module: Callable[[str], Any], invent: Invent) -> None:
    records = [_scaled(one, 0.9) if one.cell.method == "ladder" else one for one in invent({})]
    gaps = module("equal").gaps_at_equal(records, "ladder", "qlora", "compute")
    analysis = sys.modules["ladderscope_study_scaling_slopes_analysis"]
    verdict = analysis.equal_compute(gaps, {**study.definition.bounds, "backbones": 7.0}, ON_CPU)
    assert verdict.answer == "cannot tell"
    assert "6 of the 7 backbones" in verdict.why


def test_verdicts_tables_and_figures_say_where_their_numbers_come_from(mixed: Findings) -> None:
    assert {verdict.basis for verdict in mixed.verdicts} == {ON_CPU}
    assert [table.bases for table in mixed.tables] == [{ON_CPU}] * 7
    assert [figure.bases for figure in mixed.figures] == [{ON_CPU}] * 2


def test_runs_on_a_cpu_and_on_a_gpu_do_not_fill_up_one_ledger(study: Study, invent: Invent) -> None:
    records = [dataclasses.replace(one, meter="cuda") if one.cell.method == "qst" else one for one in invent({})]
    findings = study.analyse(records)
    assert all("36 of 216 cells" in verdict.why for verdict in findings.verdicts)


def test_every_claim_has_its_verdict(study: Study, mixed: Findings) -> None:
    assert set(verdicts_by_claim(mixed, study.definition.claims, study.name)) == set(answers(mixed))


def test_the_tables_name_all_methods_and_the_figures_can_be_drawn(mixed: Findings) -> None:
    from matplotlib.figure import Figure as Canvas

    *against_qlora, losses = mixed.tables
    others = {"lora", "ladder", "xladder", "qst", "lst"}
    assert all(others <= {row[0] for row in table.rows} for table in against_qlora)
    assert len(losses.rows) == 6
    for figure in mixed.figures:
        canvas = Canvas(layout="constrained")
        figure.draw(canvas)
        assert canvas.axes[0].lines


def test_the_gap_is_taken_where_both_have_spent_the_most(module: Callable[[str], Any], invent: Invent) -> None:
    """At half the cost, Ladder has spent half the compute at equal data, and is ahead in data at equal compute."""
    records = invent({}, cost={"ladder": 0.5}, noise=0.0)
    at_equal = module("equal").at_equal
    assert at_equal(records, "ladder", "qlora", "compute", 0.95).mean == pytest.approx(0, abs=0.02)
    assert at_equal(records, "ladder", "qlora", "data", 0.95).mean > 0.03
    assert at_equal(records, "qlora", "qlora", "time", 0.95).mean == 0


def _scaled(record: Record, factor: float) -> Record:
    assert record.eval_loss is not None
    return dataclasses.replace(
        record, eval_loss=dataclasses.replace(record.eval_loss, after=record.eval_loss.after * factor)
    )


def test_logarithms_are_averaged(module: Callable[[str], Any], invent: Invent) -> None:
    records = invent({}, noise=0.0)
    half = [_scaled(one, 0.5) if one.cell.method == "ladder" else one for one in records]
    assert module("equal").at_equal(half, "ladder", "qlora", "data", 0.95).mean == pytest.approx(
        math.log(0.5), abs=1e-9
    )


def test_what_the_machine_did_beside_it_does_not_count_as_time(module: Callable[[str], Any], invent: Invent) -> None:
    records = invent({})
    waited = [
        dataclasses.replace(one, step_seconds=[s * (1 + i % 2) for i, s in enumerate(one.step_seconds)])
        for one in records
    ]
    equal = module("equal")
    quiet = equal.at_equal(records, "ladder", "qlora", "time", 0.95)
    assert equal.at_equal(waited, "ladder", "qlora", "time", 0.95) == quiet
