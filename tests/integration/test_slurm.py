"""Sweeps through submitit, with stand-ins for Slurm's programs that run the jobs here, one after the other."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Start = Callable[..., "subprocess.Popen[str]"]
Lines = Callable[[], list[dict[str, Any]]]

TWO = ["--method", "full", "--seq-len", "32", "--seed", "0", "--seed", "1"]
COMMAND = [*TWO, "--meter", "predict", "--gpu", "rtx-3060-12gb", "--executor", "slurm", "--slurm-partition", "long"]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def test_jobs_go_on_when_the_driver_is_killed_and_the_next_one_collects_what_they_left(
    slurm_cluster: Path, start_profile: Start, ledger_lines: Lines
) -> None:
    (slurm_cluster / "node").touch()
    driver = start_profile(*COMMAND)
    wait_until(ledger_lines, "the first record")
    driver.kill()
    driver.wait()
    kept = ledger_lines()
    assert len(kept) == 1
    states = [slurm_cluster / "job-1" / f"1_{index}.state" for index in range(2)]
    wait_until(lambda: all(state.read_text() == "COMPLETED" for state in states), "the jobs without a driver")

    _, messages = start_profile(*COMMAND, "--resume").communicate(timeout=300)
    lines = ledger_lines()
    assert lines[: len(kept)] == kept
    assert len({line["cell_id"] for line in lines}) == len(lines) == 2, messages
    assert {line["status"] for line in lines} == {"ok"}
    assert [job.name for job in slurm_cluster.glob("job-*")] == ["job-1"]  # none was submitted again
    assert not list(slurm_cluster.parent.glob("runs.jsonl.slurm/records/*"))
