"""From a table to a scaling fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling import FitSettings, ScalingTable, TableRequest, fit_scaling, law_named, read_table
from ladderscope.scaling.comparison.equivalence import verdict_of

QUICK = FitSettings(resamples=0, profiles=False)
SIZES = np.geomspace(3e5, 3e8, 8)
MakeTable = Callable[..., ScalingTable]


@pytest.fixture
def make_table(tmp_path: Path) -> MakeTable:
    """A table of methods whose loss is E + B C^-lambda: 8 sizes with 6 checkpoints each."""

    def make(**coefficients: float) -> ScalingTable:
        rng = np.random.default_rng(0)
        rows = [
            {
                "method": method,
                "model": f"m{i}",
                "run": f"{method}-{i}",
                "flops": compute,
                "loss": (1.5 + coefficient * compute**-0.1) * np.exp(0.001 * rng.normal()),
            }
            for method, coefficient in coefficients.items()
            for i, size in enumerate(SIZES)
            for compute in size * np.geomspace(1e7, 1e9, 6)
        ]
        path = tmp_path / "runs.csv"
        pd.DataFrame(rows).to_csv(path, index=False)
        return read_table([path], TableRequest())

    return make


def test_each_group_has_its_own_fit_of_one_law(make_table: MakeTable) -> None:
    fit = fit_scaling(make_table(qlora=30.0, ladder=33.0), law="power-offset", settings=QUICK)

    assert [group.name for group in fit.groups] == ["qlora", "ladder"]
    for group, coefficient in zip(fit.groups, (30.0, 33.0), strict=True):
        low, high = group.fit.parameters["B"].interval or (0, 0)
        assert low < coefficient < high
    assert (fit.law, fit.slope, [axis.name for axis in fit.x]) == ("power-offset", "lambda", ["C"])
    assert fit.choice is None


def test_left_to_itself_it_chooses_a_law_and_says_how(make_table: MakeTable) -> None:
    fit = fit_scaling(make_table(qlora=30.0), settings=QUICK)

    assert fit.choice is not None
    assert fit.law == fit.choice.law == "power-offset"
    assert {candidate.law for candidate in fit.choice.candidates} == {"power", "power-offset", "rectified", "broken"}


def test_all_pairs_are_compared_with_the_first_against_the_second(make_table: MakeTable) -> None:
    table = make_table(qlora=30.0, ladder=33.0, lst=36.0)

    fit = fit_scaling(table, law="power-offset", settings=QUICK, compare="all")

    assert [(pair.first, pair.second) for pair in fit.comparisons] == [
        ("qlora", "ladder"),
        ("qlora", "lst"),
        ("ladder", "lst"),
    ]
    assert all(pair.paired and pair.n_pairs == len(SIZES) for pair in fit.comparisons)
    multiplier = fit.comparisons[0].multiplier
    assert multiplier.low is not None
    assert multiplier.high is not None
    assert multiplier.low < (30 / 33) ** 10 < multiplier.high


def test_all_pairs_are_judged_at_the_confidence_that_was_asked_for(make_table: MakeTable) -> None:
    settings = FitSettings(resamples=0, profiles=False, confidence=0.7, margin=0.004)

    fit = fit_scaling(make_table(qlora=30.0, ladder=30.05, lst=30.1), law="power", settings=settings, compare="all")

    slopes = [slope for pair in fit.comparisons for slope in pair.slopes]
    p_values = [(slope.p_difference_holm or 0.0, slope.p_equivalence_holm or 0.0) for slope in slopes]
    assert [slope.verdict for slope in slopes] == [verdict_of(*p, 0.3) for p in p_values]
    assert any(verdict_of(*p, 0.3) != verdict_of(*p, 0.05) for p in p_values), p_values


def test_a_law_of_ones_own_is_taken_as_it_is(make_table: MakeTable) -> None:
    fit = fit_scaling(make_table(qlora=30.0), law=law_named("power"), settings=QUICK)

    assert (fit.law, fit.choice) == ("power", None)


def test_progress_goes_from_nothing_to_all_of_it(make_table: MakeTable) -> None:
    told: list[tuple[float, str]] = []

    fit_scaling(
        make_table(qlora=30.0, ladder=33.0),
        law="power",
        settings=QUICK,
        compare=[("ladder", "qlora")],
        on_progress=lambda share, what: told.append((share, what)),
    )

    shares = [share for share, _ in told]
    assert (shares[0], shares[-1]) == (0, 1)
    assert shares == sorted(shares)
    assert dict.fromkeys(what for _, what in told) == dict.fromkeys(["qlora", "ladder", "ladder against qlora"])


def test_progress_moves_within_a_group(make_table: MakeTable) -> None:
    shares: list[float] = []

    fit_scaling(
        make_table(qlora=30.0, ladder=33.0),
        law="power",
        settings=FitSettings(resamples=10, profiles=False),
        on_progress=lambda share, what: shares.append(share),
    )

    assert shares == sorted(shares)
    assert len([share for share in shares if 0 < share < 0.5]) >= 19
    assert shares[-1] == 1


def test_unknown_names_are_refused_before_anything_is_fitted(make_table: MakeTable) -> None:
    table = make_table(qlora=30.0, ladder=33.0)

    with pytest.raises(UnknownNameError, match="unknown group to compare 'lader': did you mean 'ladder'"):
        fit_scaling(table, law="power", compare=[("lader", "qlora")])
    with pytest.raises(UnknownNameError, match="unknown law 'powr'"):
        fit_scaling(table, law="powr")


def test_a_comparison_at_too_low_a_confidence_is_refused_before_anything_is_fitted(make_table: MakeTable) -> None:
    told: list[float] = []

    with pytest.raises(UsageError, match="a comparison takes a confidence of more than 50%, not 40%"):
        fit_scaling(
            make_table(qlora=30.0, ladder=33.0),
            law="power",
            settings=FitSettings(confidence=0.4),
            compare="all",
            on_progress=lambda share, what: told.append(share),
        )

    assert not told


def test_a_law_whose_predictors_are_missing_is_refused(make_table: MakeTable) -> None:
    with pytest.raises(UsageError, match="needs N and D, and the table has no N"):
        fit_scaling(make_table(qlora=30.0), law="chinchilla")


def test_a_published_law_comes_out_of_its_table(scaling_data: Path) -> None:
    """The optimum that Epoch's notebook prints, through the columns of its own file."""
    columns = {"N": "`Model Size`", "C": "`Training FLOP`", "D": "C / (6 * N)"}
    request = TableRequest(columns=columns, where=("loss < 3.44",))
    table = read_table([scaling_data / "epoch-chinchilla" / "svg_extracted_data.csv"], request)
    settings = FitSettings(resamples=0, profiles=False)

    fit = fit_scaling(table, law="chinchilla", settings=settings, allocate=["parametric"])

    (group,) = fit.groups
    assert group.fit.n_points == 240
    assert group.fit.parameters["alpha"].value == pytest.approx(0.35, abs=0.02)
    assert fit.allocations[0].params_exponent.value == pytest.approx(0.515, abs=0.02)
