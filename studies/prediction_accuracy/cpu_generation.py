"""Compares predicted with measured peaks of generation on this machine's CPU: the same code, traced and run."""

from __future__ import annotations

from typing import Any

from ladderscope.memory.cpu import CpuMeter
from ladderscope.memory.predict.cpu_rules import predict_cpu_memory
from ladderscope.predict import CUDA, GENERATION, META
from ladderscope.records import Cell
from ladderscope.training.batches import Batch
from ladderscope.training.generation import generate
from ladderscope.training.loop import TrainingLoop
from studies.prediction_accuracy.cpu import CPU, Bytes, Comparison, alive_bytes, compare, make_loop


class _Generation:
    """Generation where a meter expects a training step."""

    def __init__(self, loop: TrainingLoop, new_tokens: int) -> None:
        self.model, self.runs = loop.model, loop.runs
        self.optimizer, self.next_batches = loop.optimizer, loop.next_batches
        self._new_tokens = new_tokens

    def backward(self, batches: list[Batch]) -> None:
        generate(self.model, batches[0].input_ids, self._new_tokens)

    def update(self) -> None:
        """Nothing is trained."""


def compare_generation(cell: Cell, layers: int | None = None) -> Comparison:
    """Predict and measure the generation of a cell with ``generate``, before any training step.

    Args:
        cell: of a ``random:`` model, on random tokens.
        layers: of the backbone; by default as many as its architecture has.
    """
    return compare(cell, layers, _predict, _measure)


def _predict(cell: Cell, layers: int | None) -> Bytes:
    with predict_cpu_memory() as trace:
        generation = _Generation(make_loop(cell, layers, CUDA, META), cell.generate)
        with trace.span(GENERATION):
            batches = generation.next_batches()
            generation.backward(batches)
    return Bytes(trace.peak(GENERATION).allocated_bytes)


def _measure(cell: Cell, layers: int | None) -> Bytes:
    before = alive_bytes()
    generation: Any = _Generation(make_loop(cell, layers, CPU, CPU), cell.generate)
    generation.backward(generation.next_batches())  # models keep a few numbers from their first pass on
    return Bytes(CpuMeter().measure_step(generation).peak_allocated_bytes - before)
