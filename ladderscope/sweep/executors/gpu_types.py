"""Which of a cluster's GPU types a measured cell should ask for, by prediction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ladderscope.memory.predict.gpus import Gpu, find_gpu, gpu_names
from ladderscope.records import Record
from ladderscope.sweep.protocol import Job

Key = tuple[str, str, str | None]


@dataclass(frozen=True)
class Placement:
    """Jobs, those with the largest predicted peak first, and the types of GPU that each may run on."""

    jobs: list[Job]
    types: dict[Key, tuple[str, ...]]


def gpu_of_type(name: str) -> Gpu | None:
    """The GPU that Ray calls so, as ``A100`` or ``GeForce-RTX-4090``; of several sizes the smallest.

    Ray takes what follows the maker in the name that CUDA gives, words joined by ``-``; None where the table of GPUs
    has no such name.
    """
    found: list[tuple[int, int, Gpu]] = []
    for gpu in map(find_gpu, gpu_names()):
        title = gpu.title.split(" ", 1)[1].replace(" ", "-")
        if title == name or title.startswith(f"{name}-"):
            found.append((title != name, gpu.memory_bytes, gpu))
    return min(found, key=lambda one: one[:2])[2] if found else None


def place(
    jobs: Sequence[Job], predictions: Iterable[Record], gpus: Mapping[str, Gpu], counts: Mapping[str, int]
) -> Placement:
    """Decide by predictions where jobs may run.

    A cell may run on every type that it fits on; one that fits nowhere runs on the type with the most memory, and one
    that could not be predicted on any. Types of which no node has as many GPUs as a cell needs are left out, unless
    that leaves none. The largest come first, as they have the fewest GPUs to choose from.

    Args:
        jobs: to measure.
        predictions: of their cells, for each of ``gpus``; some may be missing or have failed.
        gpus: by the engine's name of the type; not empty.
        counts: by the same names, the most GPUs of a node.
    """
    by_cell_and_gpu = {(record.cell.cell_id, record.gpu): record for record in predictions if record.memory}
    peaks: dict[Key, int] = {}
    types: dict[Key, tuple[str, ...]] = {}
    for job in jobs:
        there = {name: gpu for name, gpu in gpus.items() if counts[name] >= job.num_gpus} or gpus
        told = {name: by_cell_and_gpu.get((job.cell.cell_id, gpu.name)) for name, gpu in there.items()}
        known = {name: record for name, record in told.items() if record is not None}
        fitting = tuple(name for name in there if name not in known or known[name].status == "ok")
        types[job.key] = fitting or _with_most_memory(there)
        peaks[job.key] = max(map(_peak_bytes, known.values()), default=0)
    return Placement(sorted(jobs, key=lambda job: -peaks[job.key]), types)


def _with_most_memory(gpus: Mapping[str, Gpu]) -> tuple[str, ...]:
    most = max(gpus.values(), key=lambda gpu: gpu.memory_bytes)
    return tuple(name for name, gpu in gpus.items() if gpu == most)


def _peak_bytes(record: Record) -> int:
    assert record.memory is not None
    return record.memory.peak_reserved_bytes or record.memory.peak_allocated_bytes
