"""Slopes within backbones, of invented records whose slopes and levels are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ladderscope.records import Record
from ladderscope.scaling.comparison.holm import holm

Invent = Callable[..., list[Record]]
SLOPES = {"qlora": [0.05, 0.07, 0.08, 0.10, 0.11, 0.15], "ladder": [0.045, 0.06, 0.07, 0.125, 0.12, 0.16]}
"""From the smallest backbone to the largest."""


@pytest.fixture(scope="module")
def within(module: Callable[[str], Any]) -> Any:
    return module("within")


@pytest.fixture(scope="module")
def names(module: Callable[[str], Any]) -> list[str]:
    return [one.name for one in module("family").FAMILY]


@pytest.fixture(scope="module")
def falling(within: Any, names: list[str], invent: Invent) -> Callable[..., list[Record]]:
    """Records whose losses are power laws of their own on every backbone, with levels that jump about."""

    def make(slopes: dict[str, Sequence[float]], methods: Sequence[str] = ("qlora", "ladder")) -> list[Record]:
        def after(one: Record) -> float:
            place = names.index(one.cell.model)
            level = 2.0 + (3 * place + len(one.cell.method)) % 5
            spent: float = within.flops_of_steps(one)
            return level * math.exp(-slopes.get(one.cell.method, SLOPES["qlora"])[place] * math.log(spent / 1e12))

        return [with_loss(one, after(one)) for one in invent({}, noise=0.0) if one.cell.method in methods]

    return make


def with_loss(record: Record, after: float) -> Record:
    assert record.eval_loss is not None
    return dataclasses.replace(record, eval_loss=dataclasses.replace(record.eval_loss, after=after))


def test_the_slope_on_a_backbone_knows_nothing_of_levels(within: Any, names: list[str], falling: Any) -> None:
    found = within.slopes_within(falling(SLOPES), "ladder")
    assert list(found) == names
    assert list(found.values()) == pytest.approx(SLOPES["ladder"])


def test_one_budget_has_no_slope(within: Any, names: list[str], falling: Any) -> None:
    few = [one for one in falling(SLOPES) if one.cell.model != names[2] or one.cell.steps == 144]
    assert list(within.slopes_within(few, "ladder")) == [name for name in names if name != names[2]]


def test_levels_that_rise_with_size_pass_for_slope_in_one_curve_and_not_within_backbones(
    module: Callable[[str], Any], within: Any, risen: list[Record]
) -> None:
    """Simpson's paradox: the same fall on every backbone, from higher and higher."""
    pair = [one for one in risen if one.cell.method in ("qlora", "ladder")]
    pooled = module("fitting").comparison_of(module("fitting").fits_of(pair, 0.95, 0.1)["run"], "ladder")
    assert pooled.verdict == "different"
    assert pooled.slopes[0].equivalence_interval[1] < 0.9
    alone = within.within_backbones(pair, 0.95, 0.1).against["ladder"]
    assert alone.verdict == "equivalent"
    assert alone.first.value == pytest.approx(alone.second.value, rel=0.01)


def test_slopes_that_differ_within_backbones_are_different(within: Any, falling: Any) -> None:
    steeper = [1.4 * slope for slope in SLOPES["qlora"]]
    found = within.within_backbones(falling({"ladder": steeper}), 0.95, 0.1).against["ladder"]
    assert found.verdict == "different"
    assert found.equivalence_interval == pytest.approx((1.4, 1.4))


def test_slopes_are_paired_by_backbone(within: Any, falling: Any) -> None:
    """The interval holds the ratios that a paired t test does not reject at two times 5%."""
    found = within.within_backbones(falling(SLOPES), 0.95, 0.1).against["ladder"]
    ladder, qlora = map(np.array, (SLOPES["ladder"], SLOPES["qlora"]))
    assert found.p_difference == pytest.approx(stats.ttest_rel(ladder, qlora).pvalue)
    assert found.degrees_of_freedom == 5
    assert (found.first.value, found.second.value) == pytest.approx((ladder.mean(), qlora.mean()))
    for end in found.equivalence_interval:
        assert stats.ttest_1samp(ladder - end * qlora, 0).pvalue == pytest.approx(0.1)


def test_p_values_are_adjusted_over_the_methods(within: Any, falling: Any) -> None:
    slopes = {**SLOPES, "lst": [0.06, 0.08, 0.1, 0.125, 0.12, 0.12], "qst": [0.09, 0.1, 0.1, 0.14, 0.16, 0.2]}
    found = within.within_backbones(falling(slopes, list(slopes)), 0.95, 0.1, methods=list(slopes)).against
    assert list(found) == ["ladder", "lst", "qst"]
    alone = [one.p_difference for one in found.values()]
    assert [one.p_difference_holm for one in found.values()] == pytest.approx(holm(alone))


def test_methods_without_slopes_are_not_compared(within: Any, falling: Any) -> None:
    found = within.within_backbones(falling(SLOPES), 0.95, 0.1)
    assert set(found.against) == {"ladder"}
    assert found.slopes["lst"] == {}


def test_a_loss_that_rises_has_no_slope_to_compare(within: Any, falling: Any) -> None:
    found = within.within_backbones(falling({"ladder": [-0.1] * 6}), 0.95, 0.1).against["ladder"]
    assert (found.verdict, found.reason) == ("inconclusive", within.RISES)


def test_what_comes_before_the_first_step_makes_slopes_steeper(within: Any, falling: Any) -> None:
    """The same FLOPs before runs of all lengths are a larger part of a short run."""
    records = [
        dataclasses.replace(
            one, flops=dataclasses.replace(one.flops, by_component={"backbone_forward": one.flops.per_step // 2})
        )
        for one in falling(SLOPES)
    ]
    counted = within.slopes_within(records, "ladder")
    alone = within.slopes_within(records, "ladder", within.flops_of_steps)
    assert list(alone.values()) == pytest.approx(SLOPES["ladder"])
    assert all(counted[name] > 1.05 * slope for name, slope in alone.items())
    assert within.slopes_within(records, "qlora") == within.slopes_within(records, "qlora", within.flops_of_steps)
