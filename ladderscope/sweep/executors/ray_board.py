"""How far the running cells of a Ray cluster are: an actor that tasks tell and the driver reads."""

from __future__ import annotations

import time
from typing import Any, Self

_TELL_SECONDS = 1.0
"""Between two messages of a cell: a fast one would send hundreds."""
_READ_SECONDS = 5.0


class Board:
    """The driver's side."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self.actor = ray, actor

    @classmethod
    def start(cls, ray: Any) -> Self:
        """Start the actor on the driver's node, whose loss ends the sweep anyway."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
        actor = ray.remote(Fractions).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here)
        return cls(ray, actor.remote())

    def read(self) -> dict[int, float]:
        """Of the cells that have told something since the last call: their numbers, and how far they are."""
        try:
            told: dict[int, float] = self._ray.get(self.actor.take.remote(), timeout=_READ_SECONDS)
        except self._ray.exceptions.RayError:
            return {}  # records come without it
        return told


class Fractions:
    """The actor."""

    def __init__(self) -> None:
        self._told: dict[int, float] = {}

    def tell(self, number: int, fraction: float) -> None:
        """Cell ``number`` is so far."""
        self._told[number] = fraction

    def take(self) -> dict[int, float]:
        """What was told since the last call."""
        told, self._told = self._told, {}
        return told


class Teller:
    """The task's side: a tick that tells the board, now and then."""

    def __init__(self, actor: Any, number: int) -> None:
        self._actor, self._number = actor, number
        self._told_at = float("-inf")

    def __call__(self, fraction: float) -> None:
        """The cell is so far."""
        if time.monotonic() - self._told_at >= _TELL_SECONDS:
            self._told_at = time.monotonic()
            self._actor.tell.remote(self._number, fraction)
