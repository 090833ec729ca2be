"""Records with what ledgers are merged, counted and exported by. No number here is a measurement."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.records import Cell, EvalLoss, Flops, Forecast, Memory, Params, Phase, Record

MakeRecord = Callable[..., Record]
WriteLedger = Callable[..., Path]


def record(seed: int = 0, finished: str | None = None, **settings: Any) -> Record:
    """A record of a cell; settings of the cell and fields of the record override, ``finished`` is of 2026-11-22."""
    of_cell = {name: settings.pop(name) for name in list(settings) if name in Cell.__dataclass_fields__}
    env = {} if finished is None else {"finished_at": f"2026-11-22T{finished}+00:00"}
    cell = Cell(**{"model": "m", "method": "lora", "rank": 8, "seed": seed, **of_cell})
    return Record(**{"cell": cell, "meter": "cpu", "status": "ok", "env": env, **settings})


def full_record(**settings: Any) -> Record:
    """A record with a value for every part."""
    peaks = Phase(peak_allocated_bytes=5, peak_reserved_bytes=6)
    parts: dict[str, Any] = {
        "meter": "predict",
        "gpu": "t4-16gb",
        "weights": "random",
        "memory": Memory(
            peak_allocated_bytes=10,
            peak_reserved_bytes=12,
            peak_rss_bytes=None,
            breakdown_bytes={"weights": 7, "other": 3},
            saved_for_backward_bytes=2,
        ),
        "forecast": Forecast(phases={"first step": peaks}, usable_bytes=16, outside_bytes=1, unverified=["a rule"]),
        "params": Params(trainable=3, total=40),
        "flops": Flops(per_step=2**63, per_token=1.5, by_component={"head": 2**63}),
        "loss": [3.0, 2.5],
        "eval_loss": EvalLoss(before=3.5, after=2.25),
        "step_seconds": [4.0, 2.0],
        "tokens_per_step": 256,
        "env": {"ladderscope": "0.1.0", "commit": "abc", "dirty": True, "finished_at": "2026-11-22T10:00:00+00:00"},
    }
    return record(**{**parts, **settings})


@pytest.fixture
def make_record() -> MakeRecord:
    return record


@pytest.fixture
def make_full_record() -> MakeRecord:
    return full_record


@pytest.fixture
def write(tmp_path: Path) -> WriteLedger:
    """Writes records as a ledger of that name, and behind them ``tail``."""

    def to(name: str, *records: Record, tail: str = "") -> Path:
        path = tmp_path / name
        lines = [json.dumps(one.to_json(), separators=(",", ":")) + "\n" for one in records]
        path.write_text("".join(lines) + tail)
        return path

    return to
