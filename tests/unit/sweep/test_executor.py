"""Real processes: what they bring back, and what is recorded when they end otherwise."""

from __future__ import annotations

import datetime
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
import torch

from ladderscope.environment import describe_environment
from ladderscope.ledger.columns import finished_at
from ladderscope.records import Cell, Record
from ladderscope.sweep.executor import LocalExecutor, failed
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.worker import describe, is_out_of_memory

MakeCell = Callable[..., Cell]


def job(cell: Cell) -> Job:
    return Job(cell, "cpu", gpu=None, num_threads=1)


def worker_processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if is_worker(child)]


def is_worker(process: psutil.Process) -> bool:
    with suppress(psutil.Error):  # it may end while it is looked at
        return "ladderscope.sweep.worker" in process.cmdline()
    return False


def run_and_meanwhile(executor: LocalExecutor, cell: Cell, act: Callable[[psutil.Process], None]) -> Record | None:
    """Run a cell in a thread, act on its process once it makes progress, and give what the run gave."""
    trains = threading.Event()
    results = _begin(executor, cell, trains.set)
    assert trains.wait(timeout=120)
    (process,) = worker_processes()
    act(process)
    return results.get(timeout=60)


def run_and_at_once(executor: LocalExecutor, cell: Cell, act: Callable[[psutil.Process], None]) -> Record | None:
    """As :func:`run_and_meanwhile`, but while the process is still importing, which is most of its time."""
    results = _begin(executor, cell, lambda: None)
    deadline = time.monotonic() + 60
    while not (found := worker_processes()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    act(found[0])
    return results.get(timeout=60)


def _begin(executor: LocalExecutor, cell: Cell, tick: Callable[[], None]) -> queue.SimpleQueue[Record | None]:
    results: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: results.put(executor.run(job(cell), lambda _: tick()))).start()
    return results


def test_a_job_survives_the_line_it_is_sent_as(tiny_cell: MakeCell) -> None:
    sent = Job(tiny_cell(), "cuda", gpu="NVIDIA X", num_threads=3)
    assert Job.from_line(sent.to_line()) == sent


def test_a_cell_is_measured_in_a_process_of_its_own(tiny_cell: MakeCell) -> None:
    fractions: list[float] = []
    record = LocalExecutor().run(job(tiny_cell(method="full", steps=3)), fractions.append)
    assert record is not None
    assert record.status == "ok"
    assert len(record.loss) == len(record.step_seconds) == 3
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert not worker_processes()


def test_a_cell_that_fails_says_why(tiny_cell: MakeCell) -> None:
    record = LocalExecutor().run(job(tiny_cell(model="/no/such/folder")), lambda _: None)
    assert record is not None
    assert record.status == "error"
    assert "/no/such/folder" in (record.error or "")


def test_what_gave_no_record_says_when_that_was_and_of_what_version(tiny_cell: MakeCell) -> None:
    record = failed(job(tiny_cell()), "timeout", "too slow")
    here = describe_environment()
    assert {name: here[name] for name in ("ladderscope", "commit")}.items() <= record.env.items()
    assert (time := finished_at(record)) is not None
    assert 0 <= (datetime.datetime.now(datetime.UTC) - time).total_seconds() < 60


def test_a_killed_cell_is_an_error_that_names_the_signal(tiny_cell: MakeCell) -> None:
    record = run_and_at_once(LocalExecutor(), tiny_cell(method="full", steps=100_000), lambda process: process.kill())
    assert record is not None
    assert (record.status, record.error) == ("error", "the process was killed by SIGKILL")


def test_a_cell_that_takes_too_long_is_a_timeout(tiny_cell: MakeCell) -> None:
    record = LocalExecutor(timeout_seconds=1.5).run(job(tiny_cell(method="full", steps=100_000)), lambda _: None)
    assert record is not None
    assert record.status == "timeout"
    assert "1.5 seconds" in (record.error or "")
    assert not worker_processes()


def test_a_cell_without_enough_memory_is_oom(tiny_cell: MakeCell) -> None:
    def limit(process: psutil.Process) -> None:
        used = process.memory_info().vms
        process.rlimit(psutil.RLIMIT_AS, (used + 2**20, used + 2**20))

    # grows far past what it has: every step of this cell allocates over a hundred megabytes anew
    cell = tiny_cell(method="full", seq_len=512, batch_size=64, steps=1000)
    record = run_and_meanwhile(LocalExecutor(), cell, limit)
    assert record is not None
    assert record.status == "oom"


def test_cancelling_ends_the_cell_without_a_record(tiny_cell: MakeCell) -> None:
    executor = LocalExecutor()
    assert run_and_at_once(executor, tiny_cell(method="full", steps=100_000), lambda _: executor.cancel()) is None
    assert not worker_processes()
    assert executor.run(job(tiny_cell()), lambda _: None) is None


def test_a_worker_leaves_when_its_parent_is_gone(tiny_cell: MakeCell) -> None:
    line = job(tiny_cell(method="full", steps=100_000)).to_line()
    parent = subprocess.Popen(
        [
            "sh",
            "-c",
            f"printf %s '{line}' | (cat; sleep 600) | {sys.executable} -m ladderscope.sweep.worker > /dev/null & wait",
        ],
        start_new_session=True,
    )
    try:
        worker = _wait_for_worker(parent.pid)
        for process in psutil.Process(parent.pid).children(recursive=True):
            if process.pid != worker.pid:
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
        parent.kill()
        worker.wait(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


def _wait_for_worker(pid: int) -> psutil.Process:
    for _ in range(600):
        for child in psutil.Process(pid).children(recursive=True):
            if is_worker(child):
                return child
        time.sleep(0.1)
    raise AssertionError("the worker did not start")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), True),
        (RuntimeError("CUDA error: out of memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("shapes differ"), False),
    ],
)
def test_running_out_of_memory_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_an_error_is_described_in_one_line() -> None:
    assert describe(ValueError("first\nsecond")) == "ValueError: first"
