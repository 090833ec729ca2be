"""A solution as plain data: exponents and budgets with percentile intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ladderscope.scaling.allocation.frontier import PowerLine
from ladderscope.scaling.allocation.resampling import FEWEST_RUNS
from ladderscope.scaling.allocation.solution import Solution
from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.allocation import Allocation, Approach, BudgetOptimum
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.settings import FitSettings

METHOD = "bootstrap over runs"
PARAMS, TOKENS = slice(0, 2), slice(2, 4)
"""Where exponent and level are in :attr:`Frontier.vector`."""
MOST_FAILED = 0.1


def described(approach: Approach, solution: Solution, budgets: Sequence[float], settings: FitSettings) -> Allocation:
    """``solution`` at ``budgets``, in FLOPs."""
    frontier = solution.frontier
    bare = Allocation(
        approach=approach, parabolas=solution.parabolas, reason=solution.reason, notes=list(solution.notes)
    )
    if frontier is None:
        return bare
    why = _why_no_interval(solution, settings)
    draws = np.empty((0, 4)) if why else solution.draws.theta
    failed = solution.draws.failed
    if not why and failed > MOST_FAILED * settings.resamples:
        bare.notes.append(f"{failed} of {settings.resamples} resamples gave no frontier, and the intervals lack them.")
    return replace(
        bare,
        params_exponent=_exponent(frontier.params, draws[:, PARAMS], settings.confidence, why),
        tokens_exponent=_exponent(frontier.tokens, draws[:, TOKENS], settings.confidence, why),
        optima=[_optimum(solution, draws, budget, settings.confidence, why) for budget in budgets],
        interval_method="" if why else METHOD,
    )


def _why_no_interval(solution: Solution, settings: FitSettings) -> str | None:
    if solution.n_runs < FEWEST_RUNS:
        return f"too few runs ({solution.n_runs}) for an interval; at least {FEWEST_RUNS} are needed"
    if settings.resamples <= 0:
        return "no bootstrap was asked for"
    if not solution.draws.enough:
        found = len(solution.draws.theta)
        return f"only {found} of {settings.resamples} resamples gave a frontier: too few for an interval"
    return None


def _exponent(line: PowerLine, draws: FloatArray, confidence: float, why: str | None) -> Estimate:
    if why:
        return Estimate(line.exponent, reason=why)
    low, high = _percentiles(draws[:, 0], confidence)
    return Estimate(line.exponent, low, high, standard_error=float(draws[:, 0].std(ddof=1)))


def _optimum(
    solution: Solution, draws: FloatArray, compute: float, confidence: float, why: str | None
) -> BudgetOptimum:
    assert solution.frontier is not None, "only a solution with a frontier has optima"
    params = _at(solution.frontier.params, draws[:, PARAMS], compute, confidence, why)
    tokens = _at(solution.frontier.tokens, draws[:, TOKENS], compute, confidence, why)
    loss = None
    if solution.loss is not None and params.value is not None and tokens.value is not None:
        loss = solution.loss(params.value, tokens.value)
    return BudgetOptimum(compute=compute, params=params, tokens=tokens, loss=loss)


def _at(line: PowerLine, draws: FloatArray, compute: float, confidence: float, why: str | None) -> Estimate:
    log_c = np.log(compute)
    value = float(np.exp(np.clip(line.level + line.exponent * log_c, -700, 700)))
    if why:
        return Estimate(value, reason=why)
    found = np.clip(draws[:, 1] + draws[:, 0] * log_c, -700, 700)
    low, high = _percentiles(found, confidence)
    return Estimate(value, float(np.exp(low)), float(np.exp(high)))


def _percentiles(values: FloatArray, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(values, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)
