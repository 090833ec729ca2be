"""Sweeps on a real Ray cluster of three nodes, all of this machine; nodes and drivers are killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("ray")
Start = Callable[..., "subprocess.Popen[str]"]
Lines = Callable[[], list[dict[str, Any]]]

NUM_CELLS = 40


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Three nodes of one CPU each; the first is the head."""
    from ray.cluster_utils import Cluster

    made: Any = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    for _ in range(2):
        made.add_node(num_cpus=1)
    yield made
    made.shutdown()


def predicted(num_cells: int) -> list[str]:
    seeds = [argument for seed in range(num_cells) for argument in ("--seed", str(seed))]
    return ["--method", "full", "--seq-len", "32", *seeds, "--meter", "predict", "--gpu", "rtx-3060-12gb"]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_lost_node_and_a_killed_driver_lose_no_cell_and_repeat_none(
    cluster: Any, start_profile: Start, ledger_lines: Lines
) -> None:
    command = [*predicted(NUM_CELLS), "--executor", "ray", "--ray-address", cluster.address]
    driver = start_profile(*command)
    wait_for(lambda: len(ledger_lines()) >= NUM_CELLS // 4, driver)
    cluster.remove_node(cluster.list_all_nodes()[-1], allow_graceful=False)
    wait_for(lambda: len(ledger_lines()) >= NUM_CELLS // 2, driver)
    driver.kill()
    driver.wait()
    kept = ledger_lines()
    assert NUM_CELLS // 2 <= len(kept) < NUM_CELLS

    driver = start_profile(*command)
    _, messages = driver.communicate(timeout=300)
    assert driver.returncode == 0, messages
    lines = ledger_lines()
    assert lines[: len(kept)] == kept
    assert len(lines) == len({line["cell_id"] for line in lines}) == NUM_CELLS
    assert {line["status"] for line in lines} == {"ok"}
