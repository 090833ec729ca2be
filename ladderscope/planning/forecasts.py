"""Predictions that are made once, reduced to what a plan asks of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ladderscope.memory.predict.gpus import Gpu
from ladderscope.memory.predict.trace import MemoryTrace
from ladderscope.predict import forecast_of, predict_cell, predict_varied
from ladderscope.records import Cell, Forecast, Phase


@dataclass(frozen=True)
class Fit:
    """What a cell needs of a GPU, as predicted.

    Attributes:
        cell: that was predicted.
        usable_bytes: what the GPU leaves to PyTorch's allocator.
        phases: peaks by phase. Where memory ran out, from there on those of a larger GPU.
        allocated_at_oom: bytes in use when memory ran out; None where it never did, so that the cell fits.
        unverified: rules behind the numbers that no recorded run has confirmed.
    """

    cell: Cell
    usable_bytes: int
    phases: dict[str, Phase]
    allocated_at_oom: int | None
    unverified: tuple[str, ...]

    @property
    def fits(self) -> bool:
        """Whether no phase runs out of memory; cached memory is given back first, as PyTorch does."""
        return self.allocated_at_oom is None

    @property
    def peak_allocated_bytes(self) -> int:
        """Most that is allocated in any phase."""
        return max(phase.peak_allocated_bytes for phase in self.phases.values())

    @property
    def peak_reserved_bytes(self) -> int:
        """Most that the allocator holds in any phase."""
        return max(phase.peak_reserved_bytes for phase in self.phases.values())

    @property
    def peak_phase(self) -> str:
        """The phase in which most is allocated."""
        return max(self.phases, key=lambda name: self.phases[name].peak_allocated_bytes)

    @property
    def headroom_bytes(self) -> int:
        """Usable bytes that are never reserved; below zero where the cell does not fit."""
        return self.usable_bytes - self.peak_reserved_bytes

    @property
    def fixed_bytes(self) -> int:
        """What is allocated whatever the shape of a batch: about the loaded backbone."""
        return next(iter(self.phases.values())).peak_allocated_bytes


class Forecasts:
    """Predicts cells, each once.

    Args:
        tick: is told the number of predictions that are done, parts of one included.
    """

    def __init__(self, tick: Callable[[float], None] = lambda done: None) -> None:
        self._tick = tick
        self._known: dict[tuple[Cell, Gpu, str | None, tuple[int, ...]], Fit] = {}

    @property
    def count(self) -> int:
        """Predictions made so far."""
        return len(self._known)

    def of(self, cell: Cell, gpu: Gpu, alloc_conf: str | None = None) -> Fit:
        """The cell on the GPU.

        Args:
            cell: what to train.
            gpu: the GPU.
            alloc_conf: settings of the allocator; None is what the environment says.
        """
        return self._once(cell, gpu, alloc_conf, ())

    def of_steps(self, cell: Cell, gpu: Gpu, lengths: Sequence[int]) -> Fit:
        """The cell on the GPU, where one step after the other has rows of these lengths, in tokens."""
        return self._once(cell, gpu, None, tuple(lengths))

    def _once(self, cell: Cell, gpu: Gpu, alloc_conf: str | None, lengths: tuple[int, ...]) -> Fit:
        key = (cell, gpu, alloc_conf, lengths)
        if key not in self._known:
            self._known[key] = self._predict(cell, gpu, alloc_conf, lengths)
            self._tick(self.count)
        return self._known[key]

    def _predict(self, cell: Cell, gpu: Gpu, alloc_conf: str | None, lengths: tuple[int, ...]) -> Fit:
        done = self.count

        def tick(fraction: float) -> None:
            self._tick(done + fraction)

        if lengths:
            trace = predict_varied(cell, gpu, lengths, tick, alloc_conf=alloc_conf)
            return _fit(cell, forecast_of(trace, gpu), trace)
        prediction = predict_cell(cell, gpu, tick, alloc_conf=alloc_conf, counts_flops=False)
        assert prediction.record.forecast is not None
        return _fit(cell, prediction.record.forecast, prediction.trace)


def _fit(cell: Cell, forecast: Forecast, trace: MemoryTrace) -> Fit:
    return Fit(
        cell=cell,
        usable_bytes=forecast.usable_bytes,
        phases=forecast.phases,
        allocated_at_oom=None if trace.first_oom is None else trace.first_oom.allocated_bytes,
        unverified=tuple(forecast.unverified),
    )
