"""What the parameters would be under other objectives: a choice that should not matter, and sometimes does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ladderscope.scaling.fitting.fit import refit
from ladderscope.scaling.fitting.fitted import FittedLaw
from ladderscope.scaling.fitting.objective import Objective, robust_deviation
from ladderscope.scaling.results.law_fit import Sensitivity

DELTAS = (1e-2, 1e-3, 1e-4)
"""Of residuals in log space."""
DELTAS_IN_DEVIATIONS = (10.0, 1.0, 0.1)
"""Of other residuals, whose unit nobody knows: in robust standard deviations."""


def sensitivity(fitted: FittedLaw) -> list[Sensitivity]:
    """The parameters under least squares, three Huber objectives and least absolute deviations.

    Each is the optimum next to that of ``fitted``.
    """
    unit = 1.0 if fitted.law.scale == "log" else max(robust_deviation(fitted.residuals), np.finfo(float).tiny)
    deltas = DELTAS if fitted.law.scale == "log" else DELTAS_IN_DEVIATIONS
    others = [
        Objective(kind="ols", deviation=fitted.objective.deviation),
        *(Objective(kind="huber", delta=delta * unit) for delta in deltas),
        Objective(kind="lad"),
    ]
    return [
        Sensitivity(objective=_label(other), values=refit(replace(fitted, objective=other), fitted.points).values)
        for other in others
    ]


def _label(objective: Objective) -> str:
    return f"huber, delta {objective.known_delta:.3g}" if objective.kind == "huber" else objective.kind
