"""The command, interrupted in a real process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[4]
GRID = """
model: "random:tiny-llama"
method: full
seq-len: 32
steps: 1000000
"""


def wait_until(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def test_ctrl_c_twice_ends_the_running_cell_and_leaves_no_record(tmp_path: Path) -> None:
    grid, out = tmp_path / "grid.yaml", tmp_path / "out"
    grid.write_text(GRID)
    options = ["--grid", str(grid), "--meter", "cpu", "--gpu", "h100-80gb", "--out", str(out), "--only", "measure"]
    command = [sys.executable, "-m", "studies.gpu_validation.run", *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(psutil.Process(process.pid).children, "the first cell")
        workers = psutil.Process(process.pid).children()
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(1)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    in_one_line = " ".join(said.split())
    assert process.returncode == 130, said
    assert "Ctrl-C again stops at once" in in_one_line
    assert "Interrupted: the same command runs what is missing." in in_one_line
    assert (out / "ledger.jsonl").read_text() == ""
    assert psutil.wait_procs(workers, timeout=30)[1] == []
