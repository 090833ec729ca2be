"""Measured cells on several GPUs: real processes that train together through gloo, and end together."""

from __future__ import annotations

import dataclasses
import inspect
import json
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

from ladderscope.measure import measure_cell
from ladderscope.memory.cpu import CpuMeter
from ladderscope.records import Cell, Record
from ladderscope.sweep.executor import LocalExecutor
from ladderscope.sweep.process import WorkerProcess
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.ranks import RankFailedError, launch_config, measure_on_ranks, measure_rank
from ladderscope.sweep.worker import is_out_of_memory

MakeCell = Callable[..., Cell]


def job(cell: Cell) -> Job:
    return Job(cell, "cpu", gpu=None, num_threads=1)


def test_two_ranks_train_as_one_process_with_twice_the_batch(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(method="full", parallel="fsdp", num_gpus=2, steps=3)
    told: list[float] = []
    record = LocalExecutor().run(job(cell), told.append)
    assert record is not None
    assert record.status == "ok", record.error
    assert any(told), "rank 0 says how far it is"
    assert told == sorted(told)
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


def test_what_fails_in_a_rank_is_said_with_its_number_and_the_launcher_leaves_nothing(
    tiny_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cell = tiny_cell(method="full", parallel="ddp", num_gpus=2, lr=1e30, steps=4)
    with pytest.raises(RankFailedError, match=r"rank [01]: FloatingPointError: .*lower the learning rate"):
        measure_on_ranks(job(cell))
    assert not [*tmp_path.glob("torchelastic_*"), *tmp_path.glob("ladderscope-*")]


def test_the_launcher_writes_into_a_folder_that_is_there_for_one_launch() -> None:
    with launch_config(2) as config:
        assert config.logs_specs is not None
        folder = Path(config.logs_specs.root_log_dir)
        assert folder.is_dir()
    assert not folder.exists()


CLOSED = json.dumps(
    {"message": {"message": "RuntimeError: Connection closed by peer [127.0.0.1]:9", "extraInfo": {"timestamp": "7"}}}
)
ENDS = {
    "killed for want of memory": (-9, "", [3, 4], MemoryError, "rank 1 was killed by SIGKILL, as this machine's"),
    "killed by someone": (-9, "", [3, 3], RankFailedError, "rank 1 was killed by SIGKILL"),
    "its partner killed": (1, CLOSED, [3, 4], MemoryError, "rank 1 lost another one, as .*Connection closed by peer"),
    "its partner gone": (1, CLOSED, [3, 3], RankFailedError, "rank 1: RuntimeError: Connection closed by peer"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_rank_that_linux_ends_for_want_of_memory_has_run_out_of_it(
    end: str, tiny_cell: MakeCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exitcode, said, kills, kind, words = ENDS[end]
    (tmp_path / "error.json").write_text(said or "{}")
    failure = ProcessFailure(1, 4711, exitcode, str(tmp_path / "error.json") if said else "none")

    def launch(config: object, entry: object) -> Callable[..., None]:
        def run(line: str, told: str) -> None:
            raise ChildFailedError("ranks", {1: failure})

        return run

    counts = iter(kills)
    monkeypatch.setattr("ladderscope.sweep.ranks.count_oom_kills", lambda: next(counts))
    monkeypatch.setattr("torch.distributed.launcher.api.elastic_launch", launch)
    with pytest.raises(kind, match=words) as error:
        measure_on_ranks(job(tiny_cell(method="full", parallel="ddp", num_gpus=2)))
    assert is_out_of_memory(error.value) is (kind is MemoryError)


def test_a_rank_that_fails_does_not_wait_for_the_others(tiny_cell: MakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def fails(*told: object) -> Record:
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(torch.distributed, "init_process_group", lambda backend: None)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: ended.append("destroyed"))
    line = job(tiny_cell(method="full", parallel="ddp", num_gpus=2)).to_line()
    measure = inspect.unwrap(measure_rank)
    monkeypatch.setattr("ladderscope.measure.measure_cell", fails)
    with pytest.raises(torch.OutOfMemoryError):
        measure(line)
    assert not ended
    done = Record(cell=tiny_cell(), meter="cpu", status="ok")
    monkeypatch.setattr("ladderscope.measure.measure_cell", lambda cell, meter, tick: done)
    assert measure(line) == done.to_json()
    assert ended == ["destroyed"]


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
