"""The process that measures one cell, or predicts many: ``python -m ladderscope.sweep.worker``."""

from __future__ import annotations

import functools
import gc
import json
import os
import queue
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ladderscope.sweep.protocol import Job

if TYPE_CHECKING:
    from ladderscope.predict import Prediction
    from ladderscope.records import Record


_NO_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


def main() -> None:
    """Run the jobs on standard input; messages go to what was standard output when the process began."""
    out = _take_stdout()
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_jobs, args=(jobs,), daemon=True).start()
    warnings.simplefilter("ignore")
    # While the first job is on its way.
    if "--predict" in sys.argv[1:]:
        _predictor()
    elif "--measure" in sys.argv[1:]:
        _import_all()
    while True:
        job = Job.from_line(jobs.get())
        try:
            record = _run(job, out)
        except Exception as error:
            traceback.print_exc()
            # A prediction that the host has no room for says nothing about the GPU.
            ran_out = is_out_of_memory(error) and not job.is_prediction
            status = "oom" if ran_out else "error"
            _send(out, failure={"status": status, "error": describe(error), "gpu": job.gpu or _gpu_of(job)})
        else:
            _send(out, record=record)
        if not job.is_prediction:
            # Skip the teardown of a process full of tensors.
            os._exit(0)


def _run(job: Job, out: TextIO) -> dict[str, Any]:
    import torch

    def tick(fraction: float) -> None:
        _send(out, progress=fraction)

    torch.set_num_threads(job.num_threads)
    if job.is_prediction:
        assert job.gpu is not None
        prediction = _predictor()(job.cell, job.gpu, tick, detailed=job.detailed, alloc_conf=job.alloc_conf)
        return prediction.record.to_json()
    return measure_job(job, tick).to_json()


def _gpu_of(job: Job) -> str | None:
    """What the job was measured on, where only the machine that runs it knows."""
    import torch

    return torch.cuda.get_device_name() if job.meter == "cuda" and torch.cuda.is_available() else None


def measure_job(job: Job, tick: Callable[[float], None]) -> Record:
    """Measure the job's cell in this process, and keep the history of the measured step where that is asked for."""
    from ladderscope.measure import measure_cell
    from ladderscope.memory.cuda import CudaMeter
    from ladderscope.memory.meters import resolve_meter
    from ladderscope.sweep.histories import write_history
    from ladderscope.sweep.ranks import measure_on_ranks

    if job.cell.num_gpus > 1:
        return measure_on_ranks(job, tick)
    meter = resolve_meter(job.meter)
    record = measure_cell(job.cell, meter, tick)
    if job.history is not None and isinstance(meter, CudaMeter) and meter.history is not None:
        write_history(Path(job.history), meter.history, record)
    return record


@functools.cache
def _predictor() -> Callable[..., Prediction]:
    import bitsandbytes  # noqa: F401
    import peft  # noqa: F401

    from ladderscope.predict import predict_cell

    # What was imported stays: to look through it again and again would take a tenth of the time.
    gc.freeze()
    return predict_cell


def _import_all() -> None:
    """What a measurement needs."""
    import bitsandbytes  # noqa: F401
    import peft  # noqa: F401

    import ladderscope.measure  # noqa: F401


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that host or device memory ran out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # What libraries allocate beside PyTorch's allocators says so in words alone.
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


def describe(error: BaseException) -> str:
    """The kind of an exception and its first line."""
    first_line = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first_line}"


def _take_stdout() -> TextIO:
    """Keep the real standard output for messages; whatever libraries print goes to standard error."""
    messages = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return messages


def _send(out: TextIO, **message: Any) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


def _read_jobs(jobs: queue.SimpleQueue[str]) -> None:
    """Hand on line by line; when standard input ends, the parent is gone, and so is this process."""
    for line in sys.stdin:
        jobs.put(line)
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)  # with the ranks that it may have started
    os._exit(1)


if __name__ == "__main__":
    main()
