"""Which record speaks for a cell."""

from __future__ import annotations

from collections.abc import Iterable

from ladderscope.records import PREDICT, Record
from ladderscope.studies.findings import Basis

CUDA = "cuda"


def chosen(records: Iterable[Record], gpu: str) -> dict[str, Record]:
    """Cell id -> its record: what was measured on a GPU goes before what was predicted for ``gpu``."""
    found: dict[str, Record] = {}
    for record in records:
        known = found.get(record.cell.cell_id)
        if is_measured(record) or (record.meter == PREDICT and record.gpu == gpu and known is None):
            found[record.cell.cell_id] = record
    return found


def is_measured(record: Record) -> bool:
    """Whether the record holds the memory of a run on a real GPU."""
    return record.meter == CUDA and record.memory is not None


def basis_of(record: Record) -> Basis:
    """How its numbers came about."""
    return "predicted" if record.meter == PREDICT else "measured"


def peak_reserved(record: Record) -> int:
    """Most bytes that PyTorch's allocator holds; of a prediction over all phases, of a measurement in its step."""
    if record.forecast is not None:
        return max(phase.peak_reserved_bytes for phase in record.forecast.phases.values())
    assert record.memory is not None
    return record.memory.peak_reserved_bytes or record.memory.peak_allocated_bytes


def peak_allocated(record: Record) -> int:
    """Most bytes that are allocated, over the same phases as :func:`peak_reserved`."""
    if record.forecast is not None:
        return max(phase.peak_allocated_bytes for phase in record.forecast.phases.values())
    assert record.memory is not None
    return record.memory.peak_allocated_bytes
