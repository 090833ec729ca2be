"""Which record speaks for a cell."""

from __future__ import annotations

from collections.abc import Iterable

from ladderscope.memory.predict.gpus import Gpu, find_gpu, gpu_names
from ladderscope.records import PREDICT, Record
from ladderscope.studies.bases import CUDA

_ANSWERED = ("ok", "oom")


def chosen(records: Iterable[Record], gpu: str) -> dict[str, Record]:
    """Cell id -> the record that speaks for it on ``gpu``.

    What was measured on that GPU, or on one of its architecture, goes before what was predicted for it; records of
    other GPUs say nothing here, and neither do cells that ended with an error or a timeout.
    """
    known = list(records)
    predicted = [one for one in known if one.meter == PREDICT and one.gpu == gpu and is_answer(one) and one.memory]
    measured = [one for one in known if is_measured(one) and _is_like(one, gpu)]
    # A cell keeps its place when a measurement takes over.
    return {record.cell.cell_id: record for record in [*predicted, *measured]}


def on_card(records: Iterable[Record], card: str) -> dict[str, Record]:
    """Cell id -> what happens on that very card: measured on it, else predicted for it."""
    title, found = find_gpu(card).title, dict[str, Record]()
    for record in filter(is_answer, records):
        is_predicted = record.meter == PREDICT and record.gpu == card
        if (record.meter == CUDA and record.gpu == title) or (is_predicted and record.cell.cell_id not in found):
            found[record.cell.cell_id] = record
    return found


def is_answer(record: Record) -> bool:
    """Whether the cell ran, or ran out of memory; an error or a timeout says nothing."""
    return record.status in _ANSWERED


def is_measured(record: Record) -> bool:
    """Whether the record holds the memory of a whole run on a real GPU."""
    return record.meter == CUDA and record.status == "ok" and record.memory is not None


def _is_like(record: Record, gpu: str) -> bool:
    """Whether the record's GPU is of the architecture of ``gpu``; one that nobody knows is not."""
    wanted, known = find_gpu(gpu), _gpu_called(record.gpu)
    return known is not None and known.arch == wanted.arch


def _gpu_called(title: str | None) -> Gpu | None:
    return next((gpu for gpu in map(find_gpu, gpu_names()) if gpu.title == title), None)


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
