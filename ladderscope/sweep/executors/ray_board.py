"""How far the running cells of a Ray cluster are: an actor that tasks tell and the driver reads."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from types import TracebackType
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
    """The task's side: a tick that tells the board, now and then; use it as a context manager.

    What comes too soon after a message waits, and the latest of it is told once it may be: a stage that begins
    right behind another may last for minutes. Without a board a task works as well.
    """

    def __init__(self, actor: Any, number: int) -> None:
        self._actor, self._number = actor, number
        self._told_at = float("-inf")
        self._waiting: float | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """What waits is not told any more: the record is on its way."""
        with self._lock:
            self._waiting = None
            if self._timer is not None:
                self._timer.cancel()

    def __call__(self, fraction: float) -> None:
        """The cell is so far."""
        with self._lock:
            self._waiting = fraction
            if self._timer is not None:
                return
            seconds = self._told_at + _TELL_SECONDS - time.monotonic()
            if seconds <= 0:
                self._tell()
            else:
                self._timer = threading.Timer(seconds, self._tell_later)
                self._timer.daemon = True
                self._timer.start()

    def _tell_later(self) -> None:
        with self._lock:
            self._timer = None
            if self._waiting is not None:
                self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        with suppress(Exception):
            self._actor.tell.remote(self._number, self._waiting)
        self._waiting = None
