"""Records as `run` writes them, with numbers that a test can choose."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
import transformers

from ladderscope.memory.predict import MemoryTrace
from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.memory.predict.snapshots import snapshot_of
from ladderscope.predict import STEADY_STEP, predict_cell
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
            "env": {
                "torch": "2.11.0+cu130",
                "cuda": "13.0",
                "gpu_outside_bytes": 500 * 2**20,
                "commit": "a" * 40,
                "dirty": False,
            },
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


Document = dict[str, Any]
Damage = Callable[[Document], None]
GPU = "t4-16gb"


@pytest.fixture(scope="session")
def recorded_document() -> Document:
    """The steady step of a tiny lora cell, as `run` writes it, from the history that the simulated GPU keeps."""
    sizes: dict[str, Any] = {"seq_len": 32, "rank": 4, "data": "random", "dtype": "bf16", "steps": 2}
    cell = Cell(model="random:tiny-llama", method="lora", **sizes)
    return document_of(cell, predict_cell(cell, GPU, counts_flops=False).trace)


def document_of(cell: Cell, trace: MemoryTrace) -> Document:
    """What ``run`` would have written, had the simulated GPU been a real one."""
    start, stop = trace.bounds(STEADY_STEP)
    device = trace._device
    until_the_end = SimpleNamespace(
        allocator=device.allocator,
        capacity_bytes=device.capacity_bytes,
        events=device.events[:stop],
        interventions=[done for done in device.interventions if done.before_event <= start],
    )
    snapshot = snapshot_of(cast(SimulatedDevice, until_the_end))
    (entries,) = snapshot["device_traces"]
    moves_before = sum(event.allocation.num_bytes > 0 for event in trace.events[:start])
    moves = [i for i, entry in enumerate(entries) if entry["action"] in ("alloc", "free_completed")]
    history = entries[moves[moves_before - 1] + 1 :]
    return {
        "events": [[entry["action"], entry["addr"], entry["size"], entry["stream"]] for entry in history],
        "final_segments": snapshot["segments"],
        "allocator_settings": snapshot["allocator_settings"],
        "about": {
            "cell": cell.to_json(),
            "gpu": find_gpu(GPU).title,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "peak_allocated_bytes": trace.peak(STEADY_STEP).allocated_bytes,
            "peak_reserved_bytes": trace.peak_reserved(STEADY_STEP),
        },
    }


@pytest.fixture
def write_recording(recorded_document: Document, tmp_path: Path) -> Callable[..., Path]:
    """Writes the recorded step to a file, damaged if asked for, and returns its path."""

    def write(damage: Damage = lambda document: None, name: str = "tiny") -> Path:
        document = json.loads(json.dumps(recorded_document))
        damage(document)
        path = tmp_path / f"{name}.json.gz"
        path.write_bytes(gzip.compress(json.dumps(document).encode(), mtime=0))
        return path

    return write
