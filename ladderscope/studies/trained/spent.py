"""What a run spent: the compute of its steps, and of what came before them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ladderscope.records import Cell, Record
from ladderscope.studies.intervals import mean
from ladderscope.studies.trained.timing import quiet_seconds

CALIBRATION_TOKENS = 4096
"""As many as :func:`ladderscope.methods.side.calibrate` looks at; a test holds the two equal."""
_PRINCIPAL = ("ladder", "xladder")
"""Methods whose taps go through principal directions unless the cell's settings say otherwise."""


def flops_spent(record: Record) -> float:
    """FLOPs of all training steps and of the calibration before them; 0 where none were counted."""
    steps = record.cell.steps * record.flops.per_step if record.flops else 0
    return steps + preparation_flops(record)


def preparation_flops(record: Record) -> float:
    """FLOPs of finding the principal directions of taps: the frozen backbone's forward pass over the first batches.

    The records of a step do not have them; in a short run they are a part that cannot be left out. What the
    decomposition of the taps takes on top is not counted.
    """
    if record.flops is None or not is_calibrated(record.cell) or not record.cell.steps:
        return 0.0
    batch = record.cell.seq_len * record.cell.batch_size
    tokens = math.ceil(CALIBRATION_TOKENS / batch) * batch
    return tokens * record.flops.by_component.get("backbone_forward", 0) / record.cell.tokens_per_step


def is_calibrated(cell: Cell) -> bool:
    """Whether the cell's side network starts from principal directions; read from its text, without loading PEFT."""
    settings = dict(part.split("=", 1) for part in cell.settings.split())
    downsample = settings.get("downsample", "frozen" if cell.method in _PRINCIPAL else "")
    return downsample == "frozen" and settings.get("basis", "principal") == "principal"


def with_preparation(record: Record) -> Record:
    """The record with the calibration's FLOPs spread over those of its steps, for what multiplies steps by FLOPs."""
    if record.flops is None or not record.cell.steps:
        return record
    per_step = round(flops_spent(record) / record.cell.steps)
    return replace(record, flops=replace(record.flops, per_step=per_step))


AXES: Mapping[str, Callable[[Sequence[Record]], float]] = {
    "data": lambda runs: mean([one.cell.steps * one.cell.tokens_per_step for one in runs]),
    "compute": lambda runs: mean(list(map(flops_spent, runs))),
    "time": lambda runs: mean([one.cell.steps for one in runs]) * (quiet_seconds(runs) or 0.0),
}
"""What can be made equal -> how much of it runs alike spent, on average: tokens, FLOPs, seconds."""
