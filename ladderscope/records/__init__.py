"""The cell (one point of a grid) and the record (what measuring it gave): plain data, JSON in and out.

Bytes are bytes, seconds are seconds, FLOPs count a multiply and an add as two. A measured and a predicted
record have the same fields; ``meter`` says which it is.
"""

from __future__ import annotations

from ladderscope.records.cell import Cell
from ladderscope.records.labels_of_runs import run_labels
from ladderscope.records.names import (
    BREAKDOWN_CATEGORIES,
    COLLECTIVES,
    DEFAULT_GPU,
    FLOP_COMPONENTS,
    PREDICT,
    SCHEMA_VERSION,
    STATUSES,
    RecordKey,
    Status,
)
from ladderscope.records.parts import Answers, Details, EvalLoss, Flops, Forecast, Memory, Params, Phase, RankMemory
from ladderscope.records.record import Record

__all__ = [
    "BREAKDOWN_CATEGORIES",
    "COLLECTIVES",
    "DEFAULT_GPU",
    "FLOP_COMPONENTS",
    "PREDICT",
    "SCHEMA_VERSION",
    "STATUSES",
    "Answers",
    "Cell",
    "Details",
    "EvalLoss",
    "Flops",
    "Forecast",
    "Memory",
    "Params",
    "Phase",
    "RankMemory",
    "Record",
    "RecordKey",
    "Status",
    "run_labels",
]
