"""One law for all groups of runs, or none that the data can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ladderscope.scaling.choice.choose import choose_law
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import Law, law_named
from ladderscope.scaling.results.choice import LawChoice
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group

MakeGroup = Callable[..., Group]
CURVE_LAWS = ["power", "power-offset", "rectified", "broken"]
OFFSET = {"E": 1.5, "B": 20.0, "lambda": 0.35}
FLAT_FIRST = {"E": 1.0, "B": 30.0, "D_l": 20.0, "beta": 0.4}
TEN = np.geomspace(1e2, 1e6, 10)


def choose(names: list[str], groups: list[Group], settings: FitSettings | None = None) -> LawChoice:
    return choose_law([law_named(name) for name in names], lambda law: groups, settings or FitSettings())


@pytest.mark.parametrize("task", ["flan", "wmt19"])
def test_fine_tuning_curves_that_start_flat_get_the_rectified_law(
    fine_tuning: Callable[[str], list[Group]], task: str
) -> None:
    choice = choose(["power-offset", "rectified"], fine_tuning(task))

    assert (choice.law, choice.decided) == ("rectified", True)
    rectified = next(candidate for candidate in choice.candidates if candidate.law == "rectified")
    assert rectified.held_out_error is not None
    assert rectified.held_out_error < 0.014
    assert rectified.groups_best >= 25
    assert "30 groups" in choice.reason


@pytest.mark.parametrize("task", ["flan", "wmt19"])
def test_most_models_alone_get_it_too(fine_tuning: Callable[[str], list[Group]], task: str) -> None:
    settings = FitSettings(starts=4)

    found = Counter(choose(["power-offset", "rectified"], [group], settings).law for group in fine_tuning(task))

    assert found["rectified"] >= 20


def test_where_models_differ_the_choice_says_so(fine_tuning: Callable[[str], list[Group]]) -> None:
    """On gigaword half of the models start flat and the other half do not."""
    choice = choose(["power-offset", "rectified"], fine_tuning("gigaword"))

    assert (choice.law, choice.decided) == ("power-offset", False)
    assert "the groups do not agree" in choice.reason


@pytest.mark.parametrize("seed", range(4))
def test_a_power_law_with_offset_is_never_taken_for_a_larger_law(make_group: MakeGroup, seed: int) -> None:
    choice = choose(CURVE_LAWS, [make_group("power-offset", OFFSET, TEN, 0.01, seed=seed)])

    assert choice.law == "power-offset"


def test_nor_over_many_groups(make_group: MakeGroup) -> None:
    groups = [make_group("power-offset", OFFSET, TEN, 0.01, seed=i, name=str(i)) for i in range(4)]

    choice = choose(CURVE_LAWS, groups)

    assert (choice.law, choice.decided) == ("power-offset", False)
    assert choice.reason.startswith("Cannot tell")


def test_checkpoints_of_runs_that_differ_are_no_evidence_for_a_larger_law(make_group: MakeGroup) -> None:
    group = make_group("power-offset", OFFSET, TEN, 0.005, runs=6, run_noise=0.02)

    assert choose(CURVE_LAWS, [group]).law == "power-offset"


def test_a_flat_start_is_found_with_enough_points(make_group: MakeGroup) -> None:
    group = make_group("rectified", FLAT_FIRST, np.geomspace(1e1, 1e7, 20), 0.005)

    choice = choose(["power", "power-offset", "rectified"], [group])

    assert (choice.law, choice.decided) == ("rectified", True)


def test_four_points_cannot_tell(make_group: MakeGroup) -> None:
    choice = choose(CURVE_LAWS, [make_group("power-offset", OFFSET, TEN[::3], 0.01)])

    assert (choice.law, choice.decided) == ("power", False)
    assert choice.reason.startswith("Cannot tell, as no law can be judged on these points")
    assert "4 points where 6 are needed" in choice.reason
    assert all(candidate.reason and candidate.aicc is None for candidate in choice.candidates)


def test_seven_points_leave_large_laws_out_with_a_reason(make_group: MakeGroup) -> None:
    choice = choose(CURVE_LAWS, [make_group("power-offset", OFFSET, np.geomspace(1e2, 1e6, 7), 0.01)])

    broken = next(candidate for candidate in choice.candidates if candidate.law == "broken")
    assert broken.reason == "7 points where 9 are needed"
    assert choice.law in ("power", "power-offset")


def test_one_candidate_is_no_choice(make_group: MakeGroup) -> None:
    choice = choose(["power-offset"], [make_group("power-offset", OFFSET, TEN, 0.01)])

    assert (choice.law, choice.decided) == ("power-offset", False)
    assert "the only candidate" in choice.reason


def test_a_response_that_does_not_vary_with_anything_cannot_tell(make_group: MakeGroup) -> None:
    choice = choose(["power", "power-offset"], [make_group("power", {"B": 5.0, "lambda": 0.1}, np.full(9, 100.0))])

    assert not choice.decided
    assert "no predictor varies" in choice.reason


def test_groups_too_small_for_a_law_are_left_out_for_all_laws(make_group: MakeGroup) -> None:
    groups = [make_group("power-offset", OFFSET, TEN, 0.01, seed=i, name=str(i)) for i in range(2)]
    small = make_group("power-offset", OFFSET, TEN[:5], 0.01, name="small")

    whole, without = choose(CURVE_LAWS, [*groups, small]), choose(CURVE_LAWS, groups)

    assert whole.candidates == without.candidates


def test_laws_of_model_and_data_are_chosen_by_the_largest_compute(make_group: MakeGroup) -> None:
    values = {"E": 1.7, "A": 400.0, "B": 2000.0, "alpha": 0.34, "beta": 0.37}
    grid = np.array([[n, d] for n in np.geomspace(1e7, 1e10, 5) for d in np.geomspace(1e9, 1e11, 5)])

    choice = choose(["chinchilla", "kaplan", "multiplicative"], [make_group("chinchilla", values, grid, 0.002)])

    assert (choice.law, choice.decided) == ("chinchilla", True)


def test_out_of_memory_points_are_left_out(make_group: MakeGroup) -> None:
    group = make_group("power-offset", OFFSET, TEN, 0.01)
    y, censored = group.points.y.copy(), group.points.censored.copy()
    y[-1], censored[-1] = 1e9, True
    spoiled = replace(group, points=replace(group.points, y=y, censored=censored))
    shorter = replace(group, points=group.points.subset(~censored))

    assert choose(CURVE_LAWS[:3], [spoiled]) == choose(CURVE_LAWS[:3], [shorter])


@pytest.mark.parametrize("kind", ["ols", "lad", "huber"])
def test_every_objective_can_choose(make_group: MakeGroup, kind: str) -> None:
    settings = FitSettings(objective=Objective(kind=kind))  # type: ignore[arg-type]
    group = make_group("power-offset", OFFSET, TEN, 0.005, seed=5)

    assert choose(["power", "power-offset"], [group], settings).law == "power-offset"


def test_without_candidates_there_is_nothing_to_choose() -> None:
    none: list[Law] = []

    with pytest.raises(ValueError, match="at least one candidate"):
        choose_law(none, lambda law: [], FitSettings())


def test_reasons_name_the_axes_of_the_table(make_group: MakeGroup) -> None:
    x = np.geomspace(1e3, 1e6, 12)
    x[:11] = 1e3
    group = replace(make_group("power", {"B": 10.0, "lambda": 0.3}, x, 0.01), predictors=("D",))

    choice = choose_law([law_named("power"), law_named("power-offset")], lambda law: [group], FitSettings(starts=2))

    assert "without the largest D: D is the same at all points" in choice.reason
