"""Sweeps on a real Ray cluster of three nodes, all of this machine; nodes and drivers are killed."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from ladderscope.environment import describe_environment
from ladderscope.stages import stage_at
from ladderscope.sweep.executors.engine import Terms
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.grid import Grid, resolve_cells
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.run import Unseen, run_jobs

os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # a busy machine takes longer; read at the import
pytest.importorskip("ray")
Start = Callable[..., "subprocess.Popen[str]"]
Lines = Callable[[], list[dict[str, Any]]]

NUM_CELLS = 40


@pytest.fixture
def start_cluster() -> Iterator[Callable[..., Any]]:
    """Starts nodes of one CPU each, by their settings; the first is the head."""
    from ray.cluster_utils import Cluster

    clusters: list[Any] = []

    def start(*nodes: dict[str, Any]) -> Any:
        cluster: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, **nodes[0]})
        clusters.append(cluster)
        for settings in nodes[1:]:
            cluster.add_node(num_cpus=1, **settings)
        return cluster

    yield start
    for cluster in clusters:
        cluster.shutdown()


def predicted(num_cells: int) -> list[str]:
    seeds = [argument for seed in range(num_cells) for argument in ("--seed", str(seed))]
    return ["--method", "full", "--seq-len", "32", *seeds, "--meter", "predict", "--gpu", "rtx-3060-12gb"]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def hold_up_a_cell(node: Any, driver: subprocess.Popen[str]) -> tuple[psutil.Process, psutil.Process]:
    """Ray's worker of a cell that runs on the node, and the process of the cell, which goes no further."""
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    held: list[tuple[psutil.Process, psutil.Process]] = []

    def hold_up() -> bool:
        for worker in raylet.children(recursive=True):
            with suppress(psutil.Error, StopIteration):  # it may end while it is looked at
                cell = next(child for child in worker.children() if "ladderscope.sweep.worker" in child.cmdline())
                cell.suspend()
                time.sleep(1)  # what it has sent before is on its way
                # Ray names a worker for the task that it runs, ours for the cell.
                if worker.cmdline()[0].startswith("ray::random:tiny-llama"):
                    held.append((worker, cell))
                    return True
                cell.resume()
        return False

    wait_for(hold_up, driver)
    return held[0]


def test_a_lost_node_and_a_killed_driver_lose_no_cell_and_repeat_none(
    start_cluster: Callable[..., Any], start_profile: Start, ledger_lines: Lines
) -> None:
    cluster = start_cluster({}, {}, {})
    command = [*predicted(NUM_CELLS), "--executor", "ray", "--ray-address", cluster.address]
    driver = start_profile(*command)
    wait_for(lambda: len(ledger_lines()) >= NUM_CELLS // 4, driver)
    _, other, lost = cluster.list_all_nodes()
    _, unfinished = hold_up_a_cell(other, driver)  # however fast the machine is, the driver dies before the end
    worker, cell = hold_up_a_cell(lost, driver)
    assert cell.status() == psutil.STATUS_STOPPED  # so it cannot end before its node does
    cluster.remove_node(lost, allow_graceful=False)
    worker.wait(timeout=60)
    wait_for(lambda: len(ledger_lines()) >= NUM_CELLS // 2, driver)
    driver.kill()
    driver.wait()
    for held in (cell, unfinished):
        with suppress(psutil.NoSuchProcess):  # Ray may have ended it
            held.kill()
    kept = ledger_lines()
    assert NUM_CELLS // 2 <= len(kept) < NUM_CELLS

    driver = start_profile(*command)
    _, messages = driver.communicate(timeout=300)
    assert driver.returncode == 0, messages
    lines = ledger_lines()
    assert lines[: len(kept)] == kept
    assert len(lines) == len({line["cell_id"] for line in lines}) == NUM_CELLS
    assert {line["status"] for line in lines} == {"ok"}
    # Workers run a copy of the package, and say whose.
    assert {line["env"]["commit"] for line in lines} == {describe_environment()["commit"]}


@pytest.mark.slow
def test_a_cell_that_takes_the_last_memory_of_its_node_is_oom_and_never_begun_again(
    start_cluster: Callable[..., Any], start_profile: Start, ledger_lines: Lines
) -> None:
    # Ray's own monitor, which ends whatever runs: more than a hundredth of the machine's memory is always in use.
    monitor = {"memory_usage_threshold": 0.01, "memory_monitor_refresh_ms": 250}
    cluster = start_cluster({"_system_config": monitor})
    cell = ["--method", "full", "--seq-len", "32", "--meter", "cpu", "--steps", "100000"]
    driver = start_profile(*cell, "--executor", "ray", "--ray-address", cluster.address)
    _, messages = driver.communicate(timeout=300)
    assert driver.returncode == 1, messages
    (line,) = ledger_lines()
    assert line["status"] == "oom"
    assert "OutOfMemoryError" in line["error"]


@pytest.mark.slow
def test_cells_wait_for_a_gpu_that_they_fit_on_and_the_largest_comes_first(
    start_cluster: Callable[..., Any], tmp_path: Path
) -> None:
    from ladderscope.sweep.executors.ray import RayExecutor

    labels = [{"num_gpus": 1, "labels": {"ray.io/accelerator-type": name}} for name in ("T4", "A100")]
    cluster = start_cluster({}, *labels)
    terms = Terms(jobs=None, timeout_seconds=None, folder=tmp_path, resume=True, say=print)
    with closing(RayExecutor(terms, RayOptions(address=cluster.address))) as executor:
        cells = resolve_cells({"model": ["random:llama-2-7b"], "method": ["qlora", "lora"], "seq_len": [512]})
        jobs = [Job(cell, "cuda", gpu=None, num_threads=1) for cell in cells]
        arranged = executor.arrange(jobs, lambda asked: run_jobs(asked, executor, [], Unseen(), threading.Event()))
        assert [job.cell.method for job in arranged] == ["lora", "qlora"]
        (record,) = run_jobs(arranged[:1], executor, [], Unseen(), threading.Event())
        # It was begun, on a node that has the GPU in name only.
        assert "needs a CUDA device" in (record.error or "")
        types = {job.cell.method: executor.types_of(job) for job in jobs}
        assert types == {"qlora": ("A100", "T4"), "lora": ("A100",)}


@pytest.mark.slow
def test_what_waits_can_be_taken_back_and_what_runs_can_be_ended(
    start_cluster: Callable[..., Any], tmp_path: Path
) -> None:
    from ladderscope.sweep.executors.ray import RayExecutor

    terms = Terms(jobs=None, timeout_seconds=None, folder=tmp_path, resume=True, say=print)
    with closing(RayExecutor(terms, RayOptions(address=start_cluster({}).address))) as executor:
        grid: Grid = {"model": ["random:tiny-llama"], "method": ["full"], "steps": [100_000], "seed": [0, 1]}
        endless = [Job(cell, "cpu", gpu=None, num_threads=1) for cell in resolve_cells(grid)]
        begun = threading.Event()
        running, waiting = (executor.submit(job, lambda _: begun.set()) for job in endless)
        assert begun.wait(timeout=200)
        assert not running.cancel()
        assert waiting.cancel()
        executor.cancel()
        assert running.result(timeout=60) is None


@pytest.mark.slow
def test_a_measured_cell_tells_from_the_cluster_what_it_is_at(
    start_cluster: Callable[..., Any], tmp_path: Path
) -> None:
    from ladderscope.sweep.executors.ray import RayExecutor

    grid: Grid = {"model": ["random:tiny-llama"], "method": ["full"], "seq_len": [32], "steps": [300]}
    (cell,) = resolve_cells(grid)
    terms = Terms(jobs=None, timeout_seconds=None, folder=tmp_path, resume=True, say=print)
    told: list[float] = []
    with closing(RayExecutor(terms, RayOptions(address=start_cluster({}).address))) as executor:
        record = executor.submit(Job(cell, "cpu", gpu=None, num_threads=1), told.append).result(timeout=300)
    assert record is not None
    assert record.status == "ok", record.error
    stages = [stage_at(fraction, cell.steps) for fraction in told]
    assert any(stage.startswith("step ") for stage in stages), stages
