from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import scipy

from ladderscope.scaling.checklist import checklist
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.notes import NO_EQUIVALENCE_TEST, notes_on
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import ScalingTable

Examples = dict[str, ScalingFit]


def table_of(fit: ScalingFit, weights: list[float] | None = None, **parts: object) -> ScalingTable:
    frame = pd.DataFrame({"weight": weights or [1.0, 1.0]})
    table = ScalingTable(frame, fit.y, {axis.name: axis for axis in fit.x}, fit.by, sources=["runs.csv"])
    return replace(table, **parts)  # type: ignore[arg-type]


def answers(fit: ScalingFit, table: ScalingTable | None = None, settings: FitSettings | None = None) -> dict[str, str]:
    items = checklist(fit, table or table_of(fit), settings or FitSettings())
    assert len({item.question for item in items}) == len(items)
    return {item.question: item.answer for item in items}


def test_every_question_has_an_answer_for_every_fit(scaling_examples: Examples) -> None:
    for fit in scaling_examples.values():
        assert all(answer.strip() for answer in answers(fit).values())


def test_the_answers_are_those_of_the_fit(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    found = answers(fit)

    assert found["Functional form"] == "L = E + B x^-lambda (power law with offset)"
    assert "arXiv:1712.00409" in found["Source of the form"]
    assert found["What C counts"] == "training compute (FLOP): FLOPs of the method, counted by operation"
    assert found["Points and runs"] == "ladder: 36 points of 12 runs; qlora: 36 points of 12 runs"
    assert found["Which points of a run"].startswith("checkpoints: 3 points per run")
    assert found["What was left out"] == "Left out: run 17, run 18: its loss is not finite."
    assert "Huber losses" in found["Objective"]
    assert (
        "6 random starts; at the best objective: ladder 6 of 6, qlora 6 of 6"
        in found["Optimiser, starts and agreement"]
    )
    assert found["Interval method"] == "95% intervals by wild bootstrap over runs; 400 resamples of each bootstrap"
    assert found["Comparisons and their margin"].startswith("margin 10% of the second slope, set before the fit")
    assert f"scipy {scipy.__version__}" in found["Versions"]
    assert found["Data"] == "runs.csv"


def test_what_the_table_does_not_say_is_not_stated(scaling_examples: Examples) -> None:
    fit = scaling_examples["chinchilla"]
    found = answers(fit, table_of(fit, sources=[]))

    assert found["What D counts"] == "training tokens: what it counts is not stated"
    assert found["Data"] == "not stated"
    assert found["Learning-rate schedule and smoothing"] == "not stated"
    assert found["Which points of a run"] == "one point per run; whether it is the last step is not stated"
    assert found["Extrapolation"].startswith("not judged")


@pytest.mark.parametrize(
    ("objective", "answer"),
    [
        (Objective(), "1.345 robust standard deviations of the residuals"),
        (Objective(delta=1e-3), "as given"),
        (Objective(kind="lad"), "none: the objective is not Huber's"),
    ],
)
def test_the_delta_says_where_it_comes_from(scaling_examples: Examples, objective: Objective, answer: str) -> None:
    found = answers(scaling_examples["one group"], settings=FitSettings(objective=objective))

    assert answer in found["Huber delta"]


def test_weights_are_told(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]

    assert answers(fit)["Weights of points"] == "all points weigh the same"
    assert answers(fit, table_of(fit, [0.5, 2.0]))["Weights of points"] == "from the table, 0.5 to 2"


def test_a_choice_of_law_names_what_was_tried(scaling_examples: Examples) -> None:
    chosen = answers(scaling_examples["cannot tell"])["How the law was chosen"]

    assert chosen.startswith("power. Cannot tell power law")
    assert "3 laws tried (power, power-offset, broken)" in chosen
    assert "no other law was tried" in answers(scaling_examples["one group"])["How the law was chosen"]


def test_groups_that_nobody_compared_get_a_warning(scaling_examples: Examples) -> None:
    compared = scaling_examples["inconclusive"]
    alone = replace(compared, comparisons=[])

    assert NO_EQUIVALENCE_TEST in notes_on(alone, table_of(alone))
    assert NO_EQUIVALENCE_TEST not in notes_on(compared, table_of(compared))


def test_few_runs_short_ranges_and_pooled_settings_are_noted(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    group = fit.groups[0]
    small = replace(group.fit, n_runs=3, x_ranges={"C": (1e15, 4e15)})
    doubtful = replace(fit, groups=[replace(group, fit=small, pooled={"seed": ["0", "1"]})])

    notes = notes_on(doubtful, table_of(fit, notes=["Two rows are the same run."]))

    assert notes == [
        "Two rows are the same run.",
        "Few training runs: ladder (3). The run is what varies at random. Points of one run are not independent, so "
        "more of them do not help.",
        "training compute spans at most 0.6 decades: few to tell a power law from other curves.",
        "Runs that differ in seed (0, 1) are pooled into one curve.",
    ]
    assert notes_on(fit, table_of(fit)) == []


def test_predictors_that_go_together_are_left_to_the_certificate(scaling_examples: Examples) -> None:
    fit = scaling_examples["chinchilla"]
    group = fit.groups[0]
    assert group.fit.certificate is not None
    tied = replace(group.fit, certificate=replace(group.fit.certificate, predictor_correlation=0.99))

    assert notes_on(replace(fit, groups=[replace(group, fit=tied)]), table_of(fit)) == []


def test_runs_of_one_seed_say_nothing_of_other_seeds(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    one = pd.DataFrame({"seed": ["7", "7"], "weight": 1.0})
    two = pd.DataFrame({"seed": ["7", "8"], "weight": 1.0})

    (note,) = notes_on(fit, table_of(fit, frame=one))

    assert note.startswith("All runs have the seed 7: intervals say how runs scatter around the law")
    assert notes_on(fit, table_of(fit, frame=two)) == []
