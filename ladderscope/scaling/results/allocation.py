"""Compute-optimal allocation, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ladderscope.scaling.results.estimates import Estimate

Approach = Literal["envelope", "isoflop", "parametric"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IsoFlop:
    """The runs of one compute budget: a parabola of loss in log N, with its lowest point.

    Attributes:
        compute: the budget in FLOPs; ``params``, ``loss``: the points.
        coefficients: of the parabola loss = c0 + c1 z + c2 z^2 in z = log N - ``centre``.
        optimum: the number of parameters at the vertex; its ``reason`` says why there is none.
    """

    compute: float
    params: list[float]
    loss: list[float]
    centre: float
    coefficients: tuple[float, float, float]
    optimum: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetOptimum:
    """What to train with ``compute`` FLOPs."""

    compute: float
    params: Estimate
    tokens: Estimate
    loss: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """One approach of Hoffmann et al. 2022 to N_opt ~ C^a and D_opt ~ C^b; ``reason``: why it could not be done."""

    approach: Approach
    params_exponent: Estimate = field(default_factory=Estimate)
    tokens_exponent: Estimate = field(default_factory=Estimate)
    optima: list[BudgetOptimum] = field(default_factory=list)
    parabolas: list[IsoFlop] = field(default_factory=list)
    interval_method: str = ""
    reason: str | None = None
    notes: list[str] = field(default_factory=list)
