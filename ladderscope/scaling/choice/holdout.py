"""The largest scale, left out: what a law fitted to the rest says about it is what scaling laws are for.

What scale means:

* the compute ``C`` where it is a predictor; N x D, which is compute up to a factor, where the law has both; otherwise
  the first predictor that varies;
* its largest value (values within 5% count as the same), if each run has one value and there are at most 20 of them:
  a grid of sizes, budgets or lengths;
* the top fifth of its range in logarithms otherwise: checkpoints along runs, or scattered runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.fitting.fit import fit_law
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.levels import levels
from ladderscope.scaling.points import BoolArray, FloatArray, IntArray, Points
from ladderscope.scaling.settings import FitSettings
from ladderscope.units import counted

SAME_VALUE = 1.05
MOST_LEVELS = 20
TOP_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Holdout:
    """Points without their largest scale, and those of the largest scale.

    Attributes:
        predictor: whose largest values are left out.
        above: the largest value that was kept; all that were left out are larger.
        of_kept_runs: whether some of what was left out comes from runs of which other points were kept.
    """

    predictor: str
    above: float
    kept: Points
    left_out: Points
    of_kept_runs: bool = False


def largest_scale(predictors: Sequence[str], points: Points) -> tuple[str, float, BoolArray] | None:
    """Which points have the largest scale.

    Args:
        predictors: the names of the columns of ``points.x``.
        points: at least one.

    Returns:
        The name of the scale, the largest value that is kept, and where points are left out, shape (n,); ``None``
        where no predictor varies.
    """
    name, scale = _scale(predictors, points.x)
    top = levels(scale, SAME_VALUE)
    if not top.any():
        return None
    if _is_grid(points, top):
        out = np.asarray(top == top.max())
    else:
        log_scale = np.log(scale)
        out = np.asarray(log_scale > log_scale.max() - TOP_SHARE * np.ptp(log_scale))
    return name, float(scale[~out].max()), out


def split(predictors: Sequence[str], points: Points) -> Holdout | None:
    """``points`` without their largest scale; ``None`` where no predictor varies."""
    found = largest_scale(predictors, points)
    if found is None:
        return None
    name, above, out = found
    of_kept_runs = bool(np.isin(points.run[out], points.run[~out]).any())
    return Holdout(name, above, points.subset(~out), points.subset(out), of_kept_runs)


def why_not(law: Law, points: Points, predictors: Sequence[str]) -> str | None:
    """Why ``law`` cannot be fitted to ``points`` with anything left to judge it by; ``None`` where it can.

    Args:
        predictors: names for the columns of ``points.x``: those of the table's axes.
    """
    for column, name in enumerate(predictors):
        if len(np.unique(points.x[:, column])) < 2:
            return f"{name} is the same at all points"
    different, needed = len(np.unique(points.x, axis=0)), len(law.parameters) + 1
    if different < needed:
        return f"{counted(different, 'different value')} of {_joined(predictors)} where {needed} are needed"
    return None


def fit_kept(law: Law, holdout: Holdout, settings: FitSettings) -> FittedLaw:
    """``law`` fitted to what was kept, by the objective of ``settings``."""
    return fit_law(law, holdout.kept, settings.objective, starts=settings.starts, seed=settings.seed)


def relative_errors(fitted: FittedLaw, points: Points) -> FloatArray:
    """|prediction / y - 1| at each of ``points``, shape (n,)."""
    predicted = fitted.law.from_scale(fitted.law.prediction(fitted.theta, points.x))
    return np.asarray(np.abs(predicted / points.y - 1), dtype=np.float64)


def _scale(predictors: Sequence[str], x: FloatArray) -> tuple[str, FloatArray]:
    varies = {name: x[:, column] for column, name in enumerate(predictors) if np.ptp(x[:, column]) > 0}
    if "C" in varies:
        return "C", varies["C"]
    if "N" in varies and "D" in varies:
        return "N x D", varies["N"] * varies["D"]
    return next(iter(varies.items()), (predictors[0], x[:, 0]))


def _is_grid(points: Points, level: IntArray) -> bool:
    one_each = len(np.unique(np.stack([points.run, level]), axis=1).T) == points.n_runs
    return one_each and int(level.max()) < MOST_LEVELS


def _joined(names: Sequence[str]) -> str:
    return " and ".join(names)
