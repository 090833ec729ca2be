"""The process that measures one cell and ends: ``python -m ladderscope.sweep.worker``."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
import warnings
from typing import Any, TextIO

from ladderscope.sweep.protocol import Job


def main() -> None:
    """Measure the job on standard input; messages go to what was standard output when the process began."""
    out = _take_stdout()
    job = Job.from_line(sys.stdin.readline())
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    warnings.simplefilter("ignore")
    try:
        record = _measure(job, out)
    except Exception as error:
        traceback.print_exc()
        _send(out, failure={"status": "oom" if is_out_of_memory(error) else "error", "error": describe(error)})
    else:
        _send(out, record=record)
    out.flush()
    # Skip the teardown of a process full of tensors.
    os._exit(0)


def _measure(job: Job, out: TextIO) -> dict[str, Any]:
    import torch

    from ladderscope.measure import measure_cell
    from ladderscope.memory.meters import resolve_meter

    torch.set_num_threads(job.num_threads)
    record = measure_cell(job.cell, resolve_meter(job.meter), lambda fraction: _send(out, progress=fraction))
    return record.to_json()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that host or device memory ran out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


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


def _leave_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
