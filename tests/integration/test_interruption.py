"""Sweeps that are killed or interrupted, in real processes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from ladderscope.ledger import read_ledger

Start = Callable[..., "subprocess.Popen[str]"]
Lines = Callable[[], list[dict[str, Any]]]
Workers = Callable[[], list[psutil.Process]]

# Of the methods this one starts soonest.
CELL = ["--method", "full", "--seq-len", "32"]
TWO_CELLS = [*CELL, "--seed", "0", "--seed", "1"]
ENDLESS = [*CELL, "--steps", "1000000"]


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def test_a_killed_sweep_resumes_without_losing_or_repeating_a_record(
    start_profile: Start, ledger_lines: Lines, workers: Workers, tmp_path: Path
) -> None:
    process = start_profile(*TWO_CELLS)
    wait_until(ledger_lines, "the first record")
    process.kill()
    process.wait()
    kept = ledger_lines()
    assert len(kept) == 1
    wait_until(lambda: not workers(), "the orphaned worker to leave", seconds=30)
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"schema_version":1,"cell_id":"to')  # as if the kill had come inside a write

    again = start_profile(*TWO_CELLS)
    _, messages = again.communicate(timeout=300)
    assert again.returncode == 0, messages
    assert "1 of 2 cells are in" in messages
    lines = ledger_lines()
    assert lines[:1] == kept
    assert len({line["cell_id"] for line in lines}) == len(lines) == 2
    assert [record.status for record in read_ledger(tmp_path / "runs.jsonl")] == ["ok"] * 2


def test_ctrl_c_lets_the_running_cell_end_and_begins_no_other(
    start_profile: Start, ledger_lines: Lines, workers: Workers
) -> None:
    process = start_profile(*TWO_CELLS)
    wait_until(workers, "a worker")
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 130
    assert len(ledger_lines()) == 1
    assert "runs the missing cell" in messages


@pytest.mark.slow
def test_ctrl_c_twice_stops_at_once(start_profile: Start, ledger_lines: Lines, workers: Workers) -> None:
    process = start_profile(*ENDLESS)
    wait_until(workers, "a worker")
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=30)
    assert process.returncode == 130
    assert ledger_lines() == []
    assert not workers()
    assert "Traceback" not in messages


@pytest.mark.slow
def test_a_cell_that_times_out_is_recorded_and_the_rest_goes_on(
    start_profile: Start, ledger_lines: Lines, workers: Workers
) -> None:
    process = start_profile(*ENDLESS, "--steps", "2", "--timeout", "20")
    wait_until(workers, "a worker")
    workers()[0].suspend()  # it hangs, and takes no time from other tests
    _, messages = process.communicate(timeout=300)
    assert [line["status"] for line in ledger_lines()] == ["timeout", "ok"]
    assert process.returncode == 1
    assert "Traceback" not in messages
