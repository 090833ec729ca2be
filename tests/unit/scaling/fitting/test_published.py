"""Published points give the published parameters, or better optima than were published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladderscope.scaling.fitting.fit import fit_law, refit
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.laws import law_named
from ladderscope.scaling.points import FloatArray, Points

CHINCHILLA = law_named("chinchilla")
OLS = Objective(kind="ols")
TASKS = ("flan", "wmt19", "gigaword")
SIZES = [200 * 2**i for i in range(14)]


class TestChinchilla:
    """Epoch's tracing of figure 4 of Hoffmann et al. 2022."""

    @pytest.mark.parametrize("starts", [1, 6])
    def test_huber_finds_the_optimum_that_4500_starts_of_the_field_miss(
        self, chinchilla_points: Points, starts: int
    ) -> None:
        fitted = fit_law(CHINCHILLA, chinchilla_points, Objective(delta=1e-3), starts=starts)
        assert fitted.value <= 0.0010182740179
        assert fitted.values["alpha"] == pytest.approx(0.34731, abs=1e-5)
        assert fitted.values["beta"] == pytest.approx(0.36717, abs=1e-5)
        assert fitted.agreement == 1

    def test_least_absolute_deviations_are_the_published_table(self, chinchilla_points: Points) -> None:
        values = fit_law(CHINCHILLA, chinchilla_points, Objective(kind="lad")).values
        assert values["alpha"] == pytest.approx(0.34781, abs=2e-5)
        assert values["beta"] == pytest.approx(0.36585, abs=2e-5)
        assert values["A"] == pytest.approx(482.0, abs=0.2)
        assert values["B"] == pytest.approx(2085.43420, abs=0.02)
        assert values["E"] == pytest.approx(1.81686, abs=1e-5)

    def test_least_squares(self, chinchilla_points: Points) -> None:
        values = fit_law(CHINCHILLA, chinchilla_points, OLS).values
        expected = {"A": 593.32, "B": 4875.6, "E": 1.86455, "alpha": 0.360253, "beta": 0.405883}
        assert values == pytest.approx(expected, rel=1e-5)

    def test_huber_without_exclusions(self, all_chinchilla_points: Points) -> None:
        fitted = fit_law(CHINCHILLA, all_chinchilla_points, Objective(delta=1e-3))
        assert fitted.value <= 0.001826010524
        expected = {"A": 495.726, "B": 12845.6, "E": 1.891338, "alpha": 0.349313, "beta": 0.453049}
        assert fitted.values == pytest.approx(expected, rel=1e-5)

    def test_refits_of_resamples_reach_the_optimum_of_a_fit_from_scratch(self, chinchilla_points: Points) -> None:
        fitted = fit_law(CHINCHILLA, chinchilla_points, Objective(delta=1e-3))
        rng = np.random.default_rng(0)
        for _ in range(5):
            drawn = chinchilla_points.resample(rng.integers(0, 240, size=240))
            scratch = fit_law(CHINCHILLA, drawn, Objective(delta=1e-3))
            assert refit(fitted, drawn).value <= scratch.value * (1 + 1e-7)


class TestRectified:
    """Fine-tunings of 30 models on three tasks by Lin et al. 2024."""

    @pytest.mark.parametrize("task", TASKS)
    def test_no_curve_is_fitted_worse_than_published(self, scaling_data: Path, task: str) -> None:
        published = _table(scaling_data, "reference_fits").query(f"ds == '{task}'").set_index("model")["pub_rect"]
        curves = _table(scaling_data, task)
        assert len(curves) == 30
        for model, y in zip(curves["config name"], _losses(curves), strict=True):
            fitted = fit_law(law_named("rectified"), Points.of(SIZES, y), OLS, starts=2)
            assert _rmsd(fitted) <= 1.001 * published[model]

    @pytest.mark.parametrize(("task", "largest"), [("flan", 0.011), ("wmt19", 0.014), ("gigaword", 0.008)])
    def test_the_largest_data_set_is_predicted_from_the_others(
        self, scaling_data: Path, task: str, largest: float
    ) -> None:
        errors = []
        for y in _losses(_table(scaling_data, task)):
            fitted = fit_law(law_named("rectified"), Points.of(SIZES[:-1], y[:-1]), starts=2)
            errors.append(abs(fitted.law.predict(fitted.values, np.array([[SIZES[-1]]]))[0] / y[-1] - 1))
        assert float(np.median(errors)) <= largest


def _table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / "lin2024-rectified-sft" / f"{name}.csv")


def _losses(curves: pd.DataFrame) -> FloatArray:
    return curves[[str(size) for size in SIZES]].to_numpy(dtype=float)


def _rmsd(fitted: FittedLaw) -> float:
    return float(np.sqrt(np.mean(fitted.residuals**2)))
