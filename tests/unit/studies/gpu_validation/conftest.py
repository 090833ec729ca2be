"""Records as `run` writes them, with numbers that a test can choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import PREDICT, Cell, Flops, Memory, Record
from ladderscope.units import GIB

H100 = "NVIDIA H100 80GB HBM3"
MakeRecord = Callable[..., Record]


@pytest.fixture
def make_cell() -> Callable[..., Cell]:
    """Makes a cell of the grid: llama-2-7b with qlora at 2048 tokens; settings override."""

    def make(method: str = "qlora", **settings: Any) -> Cell:
        sizes: dict[str, Any] = {"rank": 16} if "lora" in method else {"reduction_factor": 8}
        defaults: dict[str, Any] = {"model": "random:llama-2-7b", "seq_len": 2048, "data": "random", **sizes}
        return Cell(**{"method": method, "quantization": "nf4-dq", **defaults, **settings})

    return make


@pytest.fixture
def measured() -> MakeRecord:
    """Makes what a GPU has measured, in GiB and seconds."""

    def make(
        cell: Cell, allocated: float = 20.0, reserved: float = 22.0, seconds: float = 1.0, **parts: Any
    ) -> Record:
        values: dict[str, Any] = {
            "meter": "cuda",
            "gpu": H100,
            "status": "ok",
            "memory": _memory(allocated, reserved),
            "flops": _flops(10**14),
            "step_seconds": [9.0, seconds, seconds],
            "tokens_per_step": cell.seq_len,
            "env": {"torch": "2.11.0+cu130", "gpu_outside_bytes": 500 * 2**20, "commit": "a" * 40, "dirty": False},
        }
        return Record(cell=cell, **{**values, **parts})

    return make


@pytest.fixture
def predicted() -> MakeRecord:
    """Makes a prediction, in GiB."""

    def make(cell: Cell, allocated: float = 20.0, reserved: float = 22.0, **parts: Any) -> Record:
        values: dict[str, Any] = {
            "meter": PREDICT,
            "gpu": "h100-80gb",
            "status": "ok",
            "memory": _memory(allocated, reserved),
            "flops": _flops(10**14),
        }
        return Record(cell=cell, **{**values, **parts})

    return make


def _memory(allocated: float, reserved: float) -> Memory:
    return Memory(
        peak_allocated_bytes=round(allocated * GIB),
        peak_reserved_bytes=round(reserved * GIB),
        peak_rss_bytes=None,
        breakdown_bytes={},
    )


def _flops(per_step: int) -> Flops:
    return Flops(per_step=per_step, per_token=per_step / 2048, by_component={})
