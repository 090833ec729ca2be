"""What an approach found, before it is written as plain data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ladderscope.scaling.allocation.frontier import Frontier
from ladderscope.scaling.results.allocation import IsoFlop
from ladderscope.scaling.uncertainty.draws import Draws


class CannotAllocateError(Exception):
    """Why an approach cannot be followed; the message becomes :attr:`Allocation.reason`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The frontier of one approach, or the ``reason`` why there is none.

    Attributes:
        draws: the frontier of each bootstrap resample (:attr:`Frontier.vector`), shape (r, 4).
        n_runs: how many training runs were drawn from.
        loss: the loss that N parameters and D tokens give, where the approach knows.
    """

    frontier: Frontier | None
    draws: Draws
    n_runs: int
    reason: str | None = None
    parabolas: list[IsoFlop] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    loss: Callable[[float, float], float] | None = None
