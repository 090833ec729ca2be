"""Which jobs a grid makes, and how many of them to run at a time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.sweep.slots import num_cores

if TYPE_CHECKING:
    from ladderscope.memory.base import Meter
    from ladderscope.records import Cell
    from ladderscope.sweep.protocol import Job

_NOT_CUDA = "--history keeps what the CUDA allocator does: give --meter cuda with it, or leave it out."


def jobs_here(
    grid: Path | None, meter: str, gpu: str | None, jobs: int | None, history: Path | None, axes: dict[str, list[Any]]
) -> tuple[list[Job], int]:
    """The jobs of a grid for this machine, and how many to run at a time."""
    from ladderscope.memory.meters import resolve_meter
    from ladderscope.records import PREDICT
    from ladderscope.sweep.checks import check_meter
    from ladderscope.sweep.grid import cells_of_files
    from ladderscope.sweep.host_memory import check_host_memory

    cells = cells_of_files([grid] if grid else [], axes)
    resolved = None if meter == PREDICT else resolve_meter(meter)
    if history is not None and (resolved is None or resolved.name != "cuda"):
        raise UsageError(_NOT_CUDA)
    if resolved is None:
        return predicted_jobs(cells, gpu), jobs or num_cores()
    _check_no_gpu(gpu)
    slots = jobs or 1
    check_meter(cells, resolved.name)
    _check_several_gpus(cells, slots, history)
    check_host_memory(cells, meter=resolved.name)
    return measured_jobs(cells, resolved, slots, history), slots


def jobs_elsewhere(
    grid: Path | None,
    meter: str,
    gpu: str | None,
    num_threads: int,
    history: Path | None,
    axes: dict[str, list[Any]],
) -> list[Job]:
    """The jobs of a grid for machines that this one knows nothing of."""
    from ladderscope.memory.meters import AUTO, METERS
    from ladderscope.records import PREDICT
    from ladderscope.sweep.checks import check_meter
    from ladderscope.sweep.grid import cells_of_files
    from ladderscope.sweep.protocol import Job

    if meter == AUTO:
        raise UsageError("--meter auto looks at this machine: give --meter cuda, cpu or predict with --executor.")
    if meter not in (*METERS, PREDICT):
        raise UnknownNameError("meter", meter, [*METERS, PREDICT])
    if history is not None and meter != "cuda":
        raise UsageError(_NOT_CUDA)
    cells = cells_of_files([grid] if grid else [], axes)
    if meter == PREDICT:
        return predicted_jobs(cells, gpu)
    _check_no_gpu(gpu)
    check_meter(cells, meter, elsewhere=True)
    _check_several_gpus(cells, 1, history)
    folder = None if history is None else history.absolute()
    return [Job(cell, meter, None, num_threads, history=_history_of(folder, cell)) for cell in cells]


def predicted_jobs(cells: list[Cell], gpu: str | None) -> list[Job]:
    """Predictions for the GPU of that name."""
    from ladderscope.memory.predict.gpus import find_gpu
    from ladderscope.records import PREDICT
    from ladderscope.sweep.protocol import Job

    if gpu is None:
        raise UsageError("--meter predict needs --gpu: name one, such as rtx-3060-12gb, or describe it, 12GiB:sm86.")
    known = find_gpu(gpu).name
    return [Job(cell, PREDICT, known, num_threads=1) for cell in cells]


def measured_jobs(cells: list[Cell], meter: Meter, slots: int, history: Path | None = None) -> list[Job]:
    """Measurements on this machine; those that run at a time share its cores."""
    from ladderscope.sweep.protocol import Job

    num_threads = max(1, num_cores() // slots)
    hardware = meter.hardware()
    return [Job(cell, meter.name, hardware, num_threads, history=_history_of(history, cell)) for cell in cells]


def _history_of(folder: Path | None, cell: Cell) -> str | None:
    from ladderscope.sweep.histories import history_path

    return None if folder is None else str(history_path(folder, cell))


def _check_several_gpus(cells: list[Cell], slots: int, history: Path | None) -> None:
    if all(cell.num_gpus == 1 for cell in cells):
        return
    if slots > 1:
        raise UsageError("cells on several GPUs are measured one at a time: leave --jobs out.")
    if history is not None:
        raise UsageError("--history keeps what one allocator does: leave it, or --parallel, out.")


def _check_no_gpu(gpu: str | None) -> None:
    if gpu is not None:
        raise UsageError("--gpu says what to predict for: give --meter predict with it, or leave it out.")
