"""Differences at equal width, memory, compute and time, on records whose losses are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pytest

from ladderscope.records import Record
from ladderscope.studies.trained.variant_runs import curve, differences, runs_of
from ladderscope.studies.trained.variants import Plan, variant

PLAN = Plan(
    variants=(variant("reference", (4, 8, 16), taps="all"), variant("other", (4, 8, 16), taps="every:2")),
    seeds=(0, 1),
)
Invent = Callable[..., list[Record]]


def test_at_equal_width_runs_of_one_reduction_and_seed_are_paired(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {"other": 0.04}, noise=0.0))
    found = differences(runs, "width", "reference", "other")
    assert set(found) == {(reduction, seed) for reduction in (4, 8, 16) for seed in (0, 1)}
    assert list(found.values()) == pytest.approx([-0.04] * 6)


def test_at_equal_memory_the_other_curve_is_interpolated_and_not_continued(invent_variants: Invent) -> None:
    """The other takes twice the bytes: what the reference has at a quarter, it has at an eighth."""
    records = invent_variants(PLAN, {"other": 0.01}, bytes_of={"other": 2.0}, noise=0.0)
    runs = runs_of(PLAN, records)
    found = differences(runs, "memory", "reference", "other")
    assert set(found) == {(reduction, seed) for reduction in (4, 8) for seed in (0, 1)}
    # An eighth instead of a quarter costs 0.05.
    assert found[4, 0] == pytest.approx(-0.06)
    assert set(differences(runs, "memory", "other", "reference")) == {(r, seed) for r in (8, 16) for seed in (0, 1)}


def test_a_curve_reaches_a_little_beyond_its_ends_where_that_is_allowed(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}, bytes_of={"other": 0.98}, noise=0.0))
    assert (4, 0) not in differences(runs, "memory", "reference", "other")
    found = differences(runs, "memory", "reference", "other", reach=0.02)
    assert found[4, 0] == pytest.approx(0.0)


@pytest.mark.parametrize("axis", ["compute", "time"])
def test_compute_and_time_are_those_of_the_runs(axis: str, invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}, bytes_of={"other": 0.5}, noise=0.0))
    found = differences(runs, axis, "reference", "other")  # type: ignore[arg-type]
    assert set(found) == {(r, seed) for r in (8, 16) for seed in (0, 1)}
    assert found[8, 1] == pytest.approx(0.05)


def test_a_curve_is_in_the_order_of_what_is_spent(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}, noise=0.0))
    points = curve(runs, "memory", "other", 0)
    assert points == sorted(points)
    assert [round(y, 6) for _, y in points] == [0.7, 0.65, 0.6]
    assert math.exp(points[0][0]) == pytest.approx(6.5 * 2**30)


def test_failed_runs_lost_losses_and_another_meter_are_missing(invent_variants: Invent) -> None:
    records = invent_variants(PLAN, {})
    assert runs_of(PLAN, records).missing() is None
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
    assert runs_of(PLAN, spoilt).missing() == "9 of 18 cells have no result yet."


def test_a_part_of_the_runs_needs_only_its_own_cells(invent_variants: Invent) -> None:
    three = dataclasses.replace(PLAN, variants=(*PLAN.variants, variant("third", (4,), taps="every:3")))
    runs = runs_of(three, invent_variants(PLAN, {}))
    assert runs.missing() == "3 of 21 cells have no result yet."
    assert runs.only(["other"]).missing() is None
    assert runs.only(["third"]).missing() == "3 of 12 cells have no result yet."


def test_bytes_make_a_difference_predicted(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}))
    assert (runs.basis(), runs.basis("time"), runs.basis("memory")) == (
        "measured on a CPU",
        "measured on a CPU",
        "predicted",
    )
