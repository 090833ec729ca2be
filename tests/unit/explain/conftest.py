from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from ladderscope.explain.answer import Answer, answer_of
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.predict import Prediction, predict_cell
from ladderscope.sweep.grid import resolve_cells

GPU = find_gpu("rtx-3060-12gb")


@functools.cache
def _predicted(method: str, loss_impl: str) -> Prediction:
    (cell,) = resolve_cells(
        {"model": ["random:tiny-llama"], "method": [method], "seq_len": [32], "loss_impl": [loss_impl]}
    )
    return predict_cell(cell, GPU)


@pytest.fixture
def answer() -> Callable[..., Answer]:
    """Explains a phase of a tiny model's training; each cell is predicted once."""

    def make(method: str, phase: str = "steady step", loss_impl: str = "full", top: int = 0) -> Answer:
        return answer_of(_predicted(method, loss_impl), GPU, phase, top)

    return make
