"""Synthetic records and tables. No number here is a measurement."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.records import Cell, EvalLoss, Flops, Memory, Params, Record
from ladderscope.scaling.reading import TableRequest, read_table
from ladderscope.scaling.reading.columns import parse_columns
from ladderscope.scaling.table import ScalingTable

MakeRecord = Callable[..., Record]
ReadText = Callable[..., ScalingTable]


@pytest.fixture
def make_record() -> MakeRecord:
    """Makes a record of three steps; settings of its cell and fields of its own override."""

    def make(flops: int = 10**12, peak: int | None = 10**9, total: int = 135_000_000, **settings: Any) -> Record:
        of_cell = {name: settings.pop(name) for name in list(settings) if name in Cell.__dataclass_fields__}
        fields: dict[str, Any] = {
            "meter": "cpu",
            "status": "ok",
            "weights": "pretrained",
            "memory": peak
            and Memory(
                peak_allocated_bytes=peak,
                peak_reserved_bytes=2 * peak,
                peak_rss_bytes=None,
                breakdown_bytes={"weights": peak},
            ),
            "params": Params(trainable=1_000_000, total=total),
            "flops": Flops(per_step=flops, per_token=1.0, by_component={"head": flops}),
            "loss": [3.0, 2.5, 2.25],
            "eval_loss": EvalLoss(before=3.5, after=2.4),
            "tokens_per_step": 256,
        }
        cell = Cell(**{"model": "smollm2-135m", "method": "lora", "rank": 8, "steps": 3, **of_cell})
        return Record(cell=cell, **{**fields, **settings})

    return make


@pytest.fixture
def read_text(tmp_path: Path) -> ReadText:
    """Reads a CSV table from its text; ``columns`` as on the command line, the rest as of a request."""

    def read(text: str, *columns: str, **request: Any) -> ScalingTable:
        path = tmp_path / "runs.csv"
        path.write_text(text)
        return read_table([path], TableRequest(columns=parse_columns(columns), **request))

    return read
