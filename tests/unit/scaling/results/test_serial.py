from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from ladderscope.errors import UsageError
from ladderscope.scaling.results.allocation import Allocation, BudgetOptimum, IsoFlop
from ladderscope.scaling.results.choice import Candidate, Extrapolation, LawChoice
from ladderscope.scaling.results.comparison import MethodComparison, MultiplierAt, NestedModel, SlopeComparison
from ladderscope.scaling.results.estimates import Band, Estimate, ParameterEstimate
from ladderscope.scaling.results.law_fit import (
    Certificate,
    FittedPoints,
    LawFit,
    ObjectiveResult,
    ProfileCurve,
    Sensitivity,
    Uncertainty,
)
from ladderscope.scaling.results.scaling_fit import (
    AxisInfo,
    ChecklistItem,
    GroupFit,
    LeftOut,
    ScalingFit,
)
from ladderscope.scaling.results.serial import fit_from_values, fit_values, read_fit, write_fit

THIRD = Estimate(1 / 3, 0.1, None, standard_error=0.05, reason="unbounded above")


def law_fit() -> LawFit:
    """A fit in which no field has its default."""
    return LawFit(
        law="power",
        title="power law",
        formula="L = E + B x^-lambda",
        n_points=2,
        n_runs=2,
        n_censored=1,
        x_ranges={"C": (1e18, 1e21)},
        reason="made up",
        parameters={
            "lambda": ParameterEstimate(
                value=0.1 + 0.2,
                unit="1",
                meaning="the slope",
                standard_error=1e-300,
                interval=(0.2, 0.4),
                interval_method="profile",
                intervals={"profile": (0.2, 0.4), "wild": (0.1, 0.5)},
                reason="none",
                warnings=["doubtful"],
            )
        },
        objective=ObjectiveResult(
            kind="huber",
            delta=1e-3,
            value=1 / 7,
            text="Huber",
            sensitivity=[Sensitivity(objective="lad", values={"lambda": 0.31})],
        ),
        certificate=Certificate(
            passed=False,
            gradient_norm=1e-9,
            moved=True,
            n_starts=6,
            start_agreement=5 / 6,
            condition_number=None,
            predictor_correlation=0.5,
            at_bound=["E"],
            not_identified=["B"],
            findings=["E is at its bound"],
        ),
        uncertainty=Uncertainty(
            covariance=[[1.0, 0.5], [0.5, 2.0]],
            degrees_of_freedom=3.5,
            run_deviation=0.01,
            noise_deviation=0.0,
            n_clusters=2,
        ),
        r2=0.99,
        rmsd=0.01,
        points=FittedPoints(
            x={"C": [1e18, 1e21]},
            y=[3.0, 2.0],
            predicted=[3.1, 2.1],
            residual=[0.1, 0.1],
            run=["a", "b"],
            censored=[False, True],
        ),
        profiles={"lambda": ProfileCurve(value=[0.2, 0.3], objective=[1.0, 0.0], threshold=0.5)},
        mean_band=Band(x=[1.0], y=[2.0], low=[1.5], high=[2.5]),
        new_run_band=Band(x=[1.0], y=[2.0]),
        failed_resamples=3,
        warnings=["few runs"],
    )


def scaling_fit(*, groups: int = 1) -> ScalingFit:
    slopes = SlopeComparison(
        estimand="local slope",
        first=THIRD,
        second=Estimate(0.3),
        difference=Estimate(reason="too few"),
        verdict="inconclusive",
        reason="wide",
        equivalence_interval=(0.8, 1.3),
        runs_needed=40,
    )
    comparison = MethodComparison(
        first="ladder",
        second="qlora",
        margin=0.1,
        paired=True,
        pair_keys=["seed"],
        n_pairs=3,
        n_runs=(3, 4),
        verdict="inconclusive",
        reason="wide",
        slopes=[slopes],
        models=[
            NestedModel(
                name="parallel",
                shared=["E", "lambda"],
                n_parameters=4,
                objective=0.2,
                aicc=-3.0,
                left_out_error=None,
                p_against_next=0.2,
            )
        ],
        multipliers=[MultiplierAt(x=1e15, by="straight lines", multiplier=THIRD)],
    )
    isoflop = IsoFlop(
        compute=1e18, params=[1e8], loss=[3.0], centre=18.0, coefficients=(3.0, 0.0, 0.1), optimum=Estimate(1e8)
    )
    return ScalingFit(
        y=AxisInfo(name="loss", label="loss", unit="nats per token"),
        x=[AxisInfo(name="C", label="compute", unit="FLOP", counts="all of it")],
        by="method",
        law="power",
        title="power law",
        formula="L = E + B x^-lambda",
        source="somewhere",
        slope="lambda",
        confidence=0.95,
        seed=0,
        groups=[
            GroupFit(
                name=name,
                fit=law_fit(),
                local_slope=THIRD,
                extrapolation=Extrapolation(
                    predictor="C", above=1e20, n_points=3, median_relative_error=0.01, largest_relative_error=0.02
                ),
                pooled={"seed": ["0", "1"]},
            )
            for name in ("ladder", "qlora")[:groups]
        ],
        shared_range=(1e18, 1e20),
        choice=LawChoice(
            law="power",
            decided=True,
            reason="least error",
            candidates=[Candidate(law="power", title="power law", n_parameters=3, aicc=-10.5)],
        ),
        comparisons=[comparison],
        allocations=[
            Allocation(
                approach="isoflop",
                params_exponent=THIRD,
                optima=[BudgetOptimum(compute=1e21, params=THIRD, tokens=THIRD, loss=2.0)],
                parabolas=[isoflop],
            )
        ],
        left_out=[LeftOut("row 3", "no loss")],
        checklist=[ChecklistItem(question="What does C count?", answer="all of it")],
        notes=["made up"],
    )


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_a_fit_comes_back_from_its_file_as_it_was(groups: int, tmp_path: Path) -> None:
    fit = scaling_fit(groups=groups)

    write_fit(fit, tmp_path / "new" / "fit.json")

    assert read_fit(tmp_path / "new" / "fit.json") == fit


def test_the_only_groups_parameters_objective_and_certificate_stand_on_top() -> None:
    values = fit_values(scaling_fit())

    assert values["parameters"]["lambda"]["value"] == 0.1 + 0.2
    assert values["parameters"]["lambda"]["standard_error"] == 1e-300
    assert values["parameters"]["lambda"]["interval"] == [0.2, 0.4]
    assert values["objective"]["value"] == 1 / 7
    assert values["certificate"]["passed"] is False
    assert values["comparisons"][0]["verdict"] == "inconclusive"


def test_with_several_groups_each_has_its_own() -> None:
    values = fit_values(scaling_fit(groups=2))

    assert "parameters" not in values
    assert [group["fit"]["objective"]["value"] for group in values["groups"]] == [1 / 7, 1 / 7]


def test_infinity_and_nan_are_null_in_json(tmp_path: Path) -> None:
    band = Band(x=[1.0, 2.0], y=[math.nan, 2.0], low=[-math.inf, 1.0], high=[math.inf, 3.0])
    fit = scaling_fit()
    group = replace(fit.groups[0], fit=replace(law_fit(), mean_band=band, r2=math.nan))

    write_fit(replace(fit, groups=[group]), tmp_path / "fit.json")

    written = json.loads((tmp_path / "fit.json").read_text(), parse_constant=pytest.fail)
    assert written["groups"][0]["fit"]["mean_band"]["high"] == [None, 3.0]
    read = read_fit(tmp_path / "fit.json").groups[0].fit
    assert read.r2 is None
    assert read.mean_band is not None
    assert math.isnan(read.mean_band.high[0])


def test_numbers_of_numpy_are_written_like_others() -> None:
    fit = replace(scaling_fit(), confidence=np.float64(0.9), seed=cast(int, np.int64(3)))

    assert json.loads(json.dumps(fit_values(fit)))["seed"] == 3
    assert fit_from_values(fit_values(fit)) == replace(scaling_fit(), confidence=0.9, seed=3)


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


VALUES = fit_values(scaling_fit())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("loss 3", "it is not JSON"),
        ("[1, 2]", "it is not a fit that `ladderscope fit-scaling` wrote"),
        (json.dumps(VALUES | {"schema_version": "2"}), "it is not a fit that `ladderscope fit-scaling` wrote"),
        ('{"schema_version": 2}', "it is not a fit that `ladderscope fit-scaling` wrote"),
        (
            json.dumps(VALUES | {"schema_version": 1}),
            "version 1 and this ladderscope reads version 2: fit the",
        ),
        (
            json.dumps(VALUES | {"schema_version": 3}),
            "version 3 and this ladderscope reads version 2: upgrade",
        ),
        (json.dumps(_without(VALUES, "law")), "'law'"),
        (json.dumps(VALUES | {"colour": "red"}), "unknown field 'colour'"),
        (json.dumps(VALUES | {"confidence": "95%"}), "ScalingFit.confidence is not a number"),
        (json.dumps(VALUES | {"seed": True}), "ScalingFit.seed is not of type int"),
        (json.dumps(VALUES | {"notes": "none"}), "ScalingFit.notes is not a list"),
        (json.dumps(VALUES | {"shared_range": [1.0]}), "ScalingFit.shared_range is not 2 values"),
        (json.dumps(VALUES | {"y": {"name": 3}}), "ScalingFit.y.name is not of type str"),
        (json.dumps(VALUES | {"allocations": [{"approach": "guess"}]}), "is not one of envelope, isoflop, parametric"),
    ],
)
def test_another_file_is_refused_in_one_sentence(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_text(content)

    with pytest.raises(UsageError) as refusal:
        read_fit(path)

    assert message in str(refusal.value)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the fit .*none.json: No such file"):
        read_fit(tmp_path / "none.json")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fit.json").write_bytes(b"\x80\xff")
    with pytest.raises(UsageError, match="it is not JSON"):
        read_fit(tmp_path / "fit.json")
