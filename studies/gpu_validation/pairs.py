"""Measured records and predicted ones of the same cells, in pairs; nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ladderscope.errors import UsageError
from ladderscope.records import PREDICT, Cell, Record
from studies.gpu_validation.hardware import short_name

COMPARED = "compared"
BOTH_OOM = "out of memory on both sides"
ONLY_MEASURED_OOM = "measured: out of memory; predicted: fits"
ONLY_PREDICTED_OOM = "measured: fits; predicted: out of memory"
MEASUREMENT_FAILED, PREDICTION_FAILED = "the measurement failed", "the prediction failed"
NOT_MEASURED, NOT_PREDICTED = "not measured", "not predicted"
AGREED = (COMPARED, BOTH_OOM)
"""Outcomes in which both sides say the same of whether the cell fits."""
CUDA = "cuda"
"""The meter of records that a GPU was measured for."""


@dataclass(frozen=True)
class Pair:
    """What was measured and what was predicted of a cell; None where a side has no record."""

    cell: Cell
    measured: Record | None
    predicted: Record | None

    @property
    def outcome(self) -> str:
        """One of the constants of this module."""
        if self.measured is None:
            return NOT_MEASURED
        if self.measured.status != "oom" and (self.measured.status != "ok" or self.measured.memory is None):
            return MEASUREMENT_FAILED
        if self.predicted is None:
            return NOT_PREDICTED
        if self.predicted.status not in ("ok", "oom") or self.predicted.memory is None:
            return PREDICTION_FAILED
        ran_out = (self.measured.status == "oom", self.predicted.status == "oom")
        return {
            (False, False): COMPARED,
            (True, True): BOTH_OOM,
            (True, False): ONLY_MEASURED_OOM,
            (False, True): ONLY_PREDICTED_OOM,
        }[ran_out]

    @property
    def error(self) -> str | None:
        """The first line of what a side that did not end well says; the measured side's before the predicted."""
        for record in (self.measured, self.predicted):
            if record is not None and record.status != "ok" and record.error:
                return record.error.strip().splitlines()[0]
        return None


def pairs_of(records: Iterable[Record]) -> list[Pair]:
    """A pair for each cell, in the order of its first record.

    Args:
        records: of a ledger. Predictions are those for the GPU that was measured; where its name is in no table, or
            none was measured, those for the only GPU that there are predictions for.

    Raises:
        UsageError: measurements of several meters or GPUs, or predictions of which it is not known which to take.
    """
    records = list(records)
    measured = [record for record in records if record.meter != PREDICT]
    one_hardware(measured)
    predicted = _for_the_same_gpu([record for record in records if record.meter == PREDICT], measured)
    measured_of = {record.cell.cell_id: record for record in measured}
    predicted_of = {record.cell.cell_id: record for record in predicted}
    cells = {record.cell.cell_id: record.cell for record in (*measured, *predicted)}
    order = dict.fromkeys(record.cell.cell_id for record in records if record.cell.cell_id in cells)
    return [Pair(cells[cell_id], measured_of.get(cell_id), predicted_of.get(cell_id)) for cell_id in order]


def one_hardware(measured: Sequence[Record]) -> tuple[str, str | None] | None:
    """Meter and GPU of all these records; None where there is no record.

    Raises:
        UsageError: they come from several.
    """
    found = sorted({(record.meter, record.gpu) for record in measured if says_where(record)}, key=str)
    if len(found) > 1:
        names = " and ".join(gpu or meter for meter, gpu in found)
        raise UsageError(f"measured on {names}: keep the ledgers of different hardware apart.")
    if found:
        return found[0]
    return (measured[0].meter, measured[0].gpu) if measured else None


def says_where(record: Record) -> bool:
    """Whether the record knows its GPU, or that there was none."""
    # A cell that failed may have failed before its process knew the GPU.
    return record.status == "ok" or record.gpu is not None


def _for_the_same_gpu(predicted: list[Record], measured: list[Record]) -> list[Record]:
    names = sorted({record.gpu or "" for record in predicted})
    where = one_hardware(measured)
    name = short_name(where[1], total_bytes(measured)) if where and where[1] else None
    if name is None and len(names) > 1:
        raise UsageError(f"predictions for {', '.join(names)}, and none was measured: keep those for one GPU.")
    return [record for record in predicted if name is None or record.gpu == name]


def total_bytes(measured: Sequence[Record]) -> int | None:
    """All memory of the measured GPU, where a record tells it."""
    return next((record.env["gpu_total_bytes"] for record in measured if record.env.get("gpu_total_bytes")), None)
