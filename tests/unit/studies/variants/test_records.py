"""Differences at equal width, memory, compute and time, on records whose losses are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from ladderscope.records import Record
from ladderscope.studies.variants.plan import Plan, variant
from ladderscope.studies.variants.records import Axis, curve, differences, runs_of, shared_bytes
from ladderscope.units import GIB

PLAN = Plan(
    variants=(variant("reference", (4, 8, 16)), variant("other", (4, 8, 16), downsample="linear")), seeds=(0, 1)
)
WIDER = dataclasses.replace(PLAN, variants=(PLAN.reference, variant("other", (2, 4, 8), taps="every:2")))
Invent = Callable[..., list[Record]]


def test_at_equal_width_a_seed_gives_the_mean_over_the_reductions_that_both_have(invent_variants: Invent) -> None:
    for plan in (PLAN, WIDER):
        runs = runs_of(plan, invent_variants(plan, {"other": 0.04}, noise=0.0))
        assert differences(runs, "width", "reference", "other") == pytest.approx({0: -0.04, 1: -0.04})
        assert differences(runs, "width", "other", "reference") == pytest.approx({0: 0.04, 1: 0.04})


def test_at_equal_memory_both_curves_are_interpolated_and_neither_is_continued(invent_variants: Invent) -> None:
    """The other takes twice the bytes: what the reference has at a quarter, it has at an eighth, which costs 0.05."""
    records = invent_variants(PLAN, {"other": 0.01}, bytes_of={"other": 2.0}, noise=0.0)
    runs = runs_of(PLAN, records)
    found = differences(runs, "memory", "reference", "other")
    assert found == pytest.approx({0: -0.06, 1: -0.06})
    assert differences(runs, "memory", "other", "reference") == pytest.approx({0: 0.06, 1: 0.06})


def test_curves_apart_are_not_compared(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}, bytes_of={"other": 20.0}))
    assert differences(runs, "memory", "reference", "other") == {}
    assert shared_bytes(runs, "reference", "other") is None


def test_the_shared_bytes_follow_from_predictions_alone(invent_variants: Invent) -> None:
    records = [one for one in invent_variants(PLAN, {}, bytes_of={"other": 2.0}) if one.meter == "predict"]
    runs = runs_of(PLAN, records)
    assert shared_bytes(runs, "reference", "other") == (9 * GIB, 14 * GIB)
    assert shared_bytes(runs_of(PLAN, records[1:]), "reference", "other") is None


@pytest.mark.parametrize("axis", ["compute", "time"])
def test_compute_and_time_are_those_of_the_runs(axis: Axis, invent_variants: Invent) -> None:
    """The other spends on its side network at a quarter what the reference spends at an eighth."""
    runs = runs_of(PLAN, invent_variants(PLAN, {}, bytes_of={"other": 0.5}, noise=0.0))
    assert differences(runs, axis, "reference", "other") == pytest.approx({0: 0.05, 1: 0.05}, abs=0.002)


def test_compute_holds_the_calibration_of_principal_taps(invent_variants: Invent) -> None:
    records = [
        dataclasses.replace(one, flops=dataclasses.replace(one.flops, by_component={"backbone_forward": 5 * 10**11}))
        if one.flops
        else one
        for one in invent_variants(PLAN, {})
    ]
    runs = runs_of(PLAN, records)
    mine, theirs = (math.exp(curve(runs, "compute", one, 0)[0][0]) for one in PLAN.variants)
    # 4,096 tokens are eight steps of 512.
    assert mine - theirs == pytest.approx(8 * 5e11)


def test_a_curve_is_in_the_order_of_what_is_spent(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}, noise=0.0))
    points = curve(runs, "memory", PLAN.variants[1], 0)
    assert points == sorted(points)
    assert [round(y, 6) for _, y in points] == [0.7, 0.65, 0.6]
    assert math.exp(points[0][0]) == pytest.approx(6.5 * GIB)


def test_a_seed_that_lacks_a_run_gives_no_number(invent_variants: Invent) -> None:
    records = invent_variants(WIDER, {})
    without = [one for one in records if (one.cell.reduction_factor, one.cell.seed, one.meter) != (16, 1, "cpu")]
    runs = runs_of(WIDER, without)
    assert set(differences(runs, "memory", "reference", "other")) == {0}
    # At equal width nothing is compared with 1/16.
    assert set(differences(runs, "width", "reference", "other")) == {0, 1}


def test_failed_runs_lost_losses_and_another_meter_are_missing(invent_variants: Invent) -> None:
    records = invent_variants(PLAN, {})
    assert runs_of(PLAN, records).missing("memory") is None
    trained = [one for one in records if one.meter == "cpu"]
    assert trained[0].eval_loss is not None
    lost = dataclasses.replace(trained[0].eval_loss, after=math.nan)
    spoilt = [
        dataclasses.replace(trained[0], eval_loss=lost),
        dataclasses.replace(trained[1], status="error"),
        dataclasses.replace(trained[2], meter="cuda"),
        *trained[3:],
        *(dataclasses.replace(one, gpu="8GiB:sm86") for one in records if one.meter == "predict"),
    ]
    runs = runs_of(PLAN, spoilt)
    assert runs.missing("memory") == "9 of 18 cells have no result yet."
    assert runs.missing("width") == "3 of 12 cells have no result yet."


def test_only_what_is_compared_is_waited_for(invent_variants: Invent) -> None:
    """At equal width neither predictions nor widths that the other has not, and never a variant of another family."""
    three = dataclasses.replace(WIDER, variants=(*WIDER.variants, variant("third", (4,), taps="every:3")))
    runs = runs_of(three, invent_variants(WIDER, {}))
    assert runs.missing("memory") == "3 of 21 cells have no result yet."
    assert runs.family("reference", ["other"]).missing("memory") is None
    assert runs.family("reference", ["third"]).missing("width") == "2 of 4 cells have no result yet."
    assert runs.family("other", ["third"]).missing("memory") == "3 of 12 cells have no result yet."
    assert runs_of(three, []).family("reference", ["other"]).missing("width") == "8 of 8 cells have no result yet."


def test_a_difference_at_equal_memory_rests_on_measured_losses_and_predicted_bytes(invent_variants: Invent) -> None:
    runs, measured = runs_of(PLAN, invent_variants(PLAN, {})), "measured on a CPU"
    assert (runs.basis(), runs.basis_in_words("time")) == (measured, measured)
    assert runs.basis_in_words("memory") == f"losses {measured}, bytes predicted"
