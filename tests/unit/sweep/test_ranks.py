"""Measured cells on several GPUs: real processes that train together through gloo, and end together."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from ladderscope.measure import measure_cell
from ladderscope.memory.cpu import CpuMeter
from ladderscope.records import Cell
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.process import WorkerProcess
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.ranks import RankFailedError, measure_on_ranks

MakeCell = Callable[..., Cell]


def job(cell: Cell) -> Job:
    return Job(cell, "cpu", gpu=None, num_threads=1)


def test_two_ranks_train_as_one_process_with_twice_the_batch(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(method="full", parallel="fsdp", num_gpus=2, steps=3)
    record = LocalExecutor().run(job(cell), lambda fraction: None)
    assert record is not None
    assert record.status == "ok", record.error
    alone = measure_cell(dataclasses.replace(cell, parallel="none", num_gpus=1, batch_size=2), CpuMeter())
    assert record.loss == pytest.approx(alone.loss, rel=1e-4)
    assert record.tokens_per_step == alone.tokens_per_step
    assert [rank.rank for rank in record.ranks] == [0, 1]
    trained = record.ranks[0].states_bytes["gradients"] + record.ranks[1].states_bytes["gradients"]
    assert alone.params is not None
    assert trained == 4 * alone.params.trainable
    assert record.memory is not None
    assert record.memory.peak_allocated_bytes == max(rank.peak_allocated_bytes for rank in record.ranks)
    assert record.memory.breakdown_bytes["collectives"] > 0


def test_what_fails_in_a_rank_is_said_with_its_number(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(method="full", parallel="ddp", num_gpus=2, lr=1e30, steps=4)
    with pytest.raises(RankFailedError, match=r"rank [01]: FloatingPointError: .*lower the learning rate"):
        measure_on_ranks(job(cell))


@pytest.mark.parametrize("end", ["killed", "parent gone"])
def test_ranks_end_with_their_worker(tiny_cell: MakeCell, end: str) -> None:
    worker = WorkerProcess({})
    cell = tiny_cell(method="full", parallel="ddp", num_gpus=2, steps=10**6)
    thread = threading.Thread(target=worker.run, args=(job(cell), lambda fraction: None))
    thread.start()
    process = psutil.Process(worker._process.pid)
    while len(ranks := ranks_of(process)) < 2:
        assert worker.is_running
        time.sleep(0.05)
    if end == "killed":
        worker.kill()
    else:
        assert worker._process.stdin is not None
        worker._process.stdin.close()
    _, alive = psutil.wait_procs([process, *ranks], timeout=60)
    thread.join()
    worker.close()
    assert not alive


def ranks_of(worker: psutil.Process) -> list[psutil.Process]:
    return [child for child in worker.children(recursive=True) if "spawn_main" in " ".join(child.cmdline())]
