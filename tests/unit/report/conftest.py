"""Invented records with plausible sizes: a 135 M backbone, measured on a CPU. No number here is a measurement."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladderscope.ledger import Ledger
from ladderscope.records import BREAKDOWN_CATEGORIES, COLLECTIVES, Cell, EvalLoss, Flops, Memory, Params, Record

MIB = 2**20
WEIGHTS_MIB = {"full": 256.6, "lora": 256.6, "qlora": 107.2, "lst": 107.2, "qst": 107.2, "ladder": 107.2}
TRAINABLE = {"full": 134_515_008, "lora": 2_442_240, "qlora": 2_442_240, "lst": 3_115_000, "qst": 2_680_000}
KIB_PER_TOKEN = {"full": 2600, "lora": 2450, "qlora": 2480, "lst": 610, "qst": 640, "ladder": 560}
FLOPS_PER_TOKEN = {"full": 0.81e9, "lora": 0.56e9, "qlora": 0.58e9, "lst": 0.33e9, "qst": 0.34e9, "ladder": 0.32e9}
FLOOR = {"full": 0.95, "lora": 1.0, "qlora": 1.02, "lst": 1.25, "qst": 1.2, "ladder": 1.12}
ENVIRONMENT = {
    "ladderscope": "0.1.0",
    "torch": "2.11.0",
    "peft": "0.21.0",
    "cpu": "a CPU with 16 cores",
    "commit": "0123abc",
    "dirty": True,
}

RecordFactory = Callable[..., Record]


def record(method: str, *, seq_len: int = 256, seed: int = 0, steps: int = 16, **changes: object) -> Record:
    """An invented record of ``method``; ``changes`` replace fields of the record."""
    base = "ladder" if method == "xladder" else method
    is_adapter = method in ("lora", "qlora")
    cell = Cell(
        model="smollm2-135m",
        method=method,
        rank=8 if is_adapter else None,
        reduction_factor=None if is_adapter or method == "full" else 8,
        seq_len=seq_len,
        quantization="none" if method in ("full", "lora") else "nf4",
        steps=steps,
        seed=seed,
    )
    loss = _losses(method, FLOOR[base], cell)
    values: dict[str, object] = {
        "cell": cell,
        "meter": "cpu",
        "status": "ok",
        "weights": "pretrained",
        "memory": _memory(base, seq_len),
        "params": Params(trainable=TRAINABLE.get(base, 2_950_000), total=134_515_008),
        "flops": _flops(base, seq_len),
        "loss": loss,
        "eval_loss": EvalLoss(before=2.31, after=round(float(np.mean(loss[-4:])) + 0.05, 4)),
        "step_seconds": [1.9, *[FLOPS_PER_TOKEN[base] * seq_len / 1.6e11] * (steps - 1)],
        "tokens_per_step": seq_len,
        "env": ENVIRONMENT,
    }
    return Record(**(values | changes))  # type: ignore[arg-type]


def predicted(measured: Record) -> Record:
    """What a prediction of the same cell would hold: memory and FLOPs, nothing that needs a run."""
    return dataclasses.replace(measured, meter="predict", loss=[], eval_loss=None, step_seconds=[])


def failed(method: str, seq_len: int, status: str, error: str) -> Record:
    """A record of a cell that ended without a measurement."""
    empty: dict[str, Any] = {
        "memory": None,
        "params": None,
        "flops": None,
        "loss": [],
        "eval_loss": None,
        "step_seconds": [],
    }
    return record(method, seq_len=seq_len, status=status, error=error, tokens_per_step=None, **empty)


def _losses(method: str, floor: float, cell: Cell) -> list[float]:
    rng = np.random.default_rng([zlib.crc32(method.encode()), cell.seq_len, cell.seed])
    steps = np.arange(1, cell.steps + 1)
    smooth = floor + (2.31 - floor) * (steps / 1.0) ** -0.45
    return [round(float(value), 4) for value in smooth * np.exp(rng.normal(0, 0.04, cell.steps))]


def _memory(base: str, seq_len: int) -> Memory:
    trainable = TRAINABLE.get(base, 2_950_000)
    activations = KIB_PER_TOKEN[base] * 1024 * seq_len
    full = base == "full"
    parts = {
        "weights": int(WEIGHTS_MIB[base] * MIB),
        "quantization_state": 0 if full or base == "lora" else 7 * MIB,
        "adapter_weights": 0 if full else 4 * trainable,
        "gradients": (2 if full else 4) * trainable,
        "optimizer_state": (4 if full else 8) * trainable,
        "activations": int(activations),
        "logits_and_loss": 49_152 * 10 * seq_len,
        "workspace": 0,
        "rounding": 0,
        "other": 3 * MIB + 17,
    }
    assert tuple(parts) == tuple(name for name in BREAKDOWN_CATEGORIES if name != COLLECTIVES)
    peak = sum(parts.values())
    return Memory(
        peak_allocated_bytes=peak, peak_reserved_bytes=None, peak_rss_bytes=peak + 600 * MIB, breakdown_bytes=parts
    )


def _flops(base: str, seq_len: int) -> Flops:
    per_token = FLOPS_PER_TOKEN[base]
    side = base in ("lst", "qst", "ladder")
    parts = {
        "backbone_forward": int(0.212e9 * seq_len),
        "backbone_recompute": 0,
        "backbone_backward": 0 if side else int((per_token - 0.33e9) * seq_len),
        "adapter": int(0.02e9 * seq_len) if base in ("lora", "qlora") else 0,
        "side_network": int((per_token - 0.26e9) * seq_len) if side else 0,
        "head": int(0.057e9 * 3 * seq_len),
    }
    return Flops(per_step=sum(parts.values()), per_token=sum(parts.values()) / seq_len, by_component=parts)


@pytest.fixture
def make_record() -> RecordFactory:
    return record


@pytest.fixture
def make_failed() -> RecordFactory:
    return failed


@pytest.fixture
def make_predicted() -> Callable[[Record], Record]:
    return predicted


@pytest.fixture
def sample_records() -> list[Record]:
    """Six methods at three lengths, two of the cells failed, one of them also predicted."""
    return sample()


def sample() -> list[Record]:
    """The records of :func:`sample_records`, for use without pytest."""
    methods = ("full", "lora", "qlora", "qst", "ladder", "xladder")
    ran = [record(method, seq_len=seq_len) for seq_len in (128, 256, 512) for method in methods]
    ran = [run for run in ran if (run.cell.method, run.cell.seq_len) != ("full", 512)]
    return [
        *ran,
        predicted(record("qlora", seq_len=512)),
        failed("full", 512, "oom", "CUDA out of memory: 1.2 GiB <requested>, 0.3 GiB free"),
        failed("lst", 512, "error", "RuntimeError: shapes (2, 3) and (4, 5) do not match"),
    ]


@pytest.fixture
def write_ledger(tmp_path: Path) -> Callable[[list[Record]], Path]:
    def write(records: list[Record]) -> Path:
        path = tmp_path / "runs.jsonl"
        with Ledger(path) as ledger:
            for item in records:
                ledger.append(item)
        return path

    return write
