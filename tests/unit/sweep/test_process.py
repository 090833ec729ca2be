"""One worker process, from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ladderscope.records import PREDICT, Cell
from ladderscope.sweep.process import WorkerProcess
from ladderscope.sweep.protocol import Job

GPU = "rtx-3060-12gb"


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    process = WorkerProcess({})
    yield process
    process.kill()
    process.close()


def test_the_last_words_of_a_worker_are_about_its_latest_job(
    worker: WorkerProcess, tiny_cell: Callable[..., Cell]
) -> None:
    failing = Job(tiny_cell(model="/no/such/folder"), PREDICT, GPU, num_threads=1)
    assert "failure" in worker.run(failing, lambda _: None)
    # A progress message comes early in a job, before anything of it is printed.
    worker.run(Job(tiny_cell(), PREDICT, GPU, num_threads=1), lambda _: worker.kill())
    assert worker.returncode < 0
    assert "/no/such/folder" not in worker.last_words()
