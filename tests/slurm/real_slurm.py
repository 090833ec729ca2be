"""Runs ``ladderscope profile --executor slurm`` on a real Slurm of this machine, kills its driver, and resumes.

``apt-get install slurmctld slurmd slurm-client munge``, then, as root: ``python tests/slurm/real_slurm.py``, with the
names of scenarios for some of them. It says what it does and what came out, and ends with 1 where something is not as
it should be.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from one_machine import one_machine  # type: ignore[import-not-found]

GRID = ["--model", "random:tiny-llama", "--method", "full", "--seq-len", "32"]
PREDICT = [*GRID, "--meter", "predict", "--gpu", "rtx-3060-12gb"]
FOUR = [argument for seed in range(4) for argument in ("--seed", str(seed))]
OPTIONS = ["--executor", "slurm", "--slurm-partition", "cells", "--slurm-array-parallelism", "1"]


def main() -> None:
    """All of it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        os.chdir(folder)
        with one_machine(folder / "slurm"):
            show("sinfo", "--version")
            show("sinfo", "-o", "%P %a %l %D %T %c")
            for scenario in SCENARIOS:
                if scenario.__name__ in sys.argv[1:] or not sys.argv[1:]:
                    scenario(Path(f"{scenario.__name__}.jsonl"))
    print("All as it should be.")


def driver_killed(ledger: Path) -> None:
    """Four cells, one at a time; the driver is killed when the first has come."""
    print("\n== Four predicted cells; the driver is killed behind the first record.")
    driver = start([*PREDICT, *FOUR], ledger)
    wait_for(lambda: len(lines(ledger)) >= 1, "the first record")
    driver.kill()
    driver.wait()
    kept = lines(ledger)
    show("squeue", "--array", "-o", "%i %T %R")
    check(len(kept) < 4, f"the ledger holds {len(kept)} of 4 records when the driver dies")
    wait_for(lambda: queue() == [], "the jobs, which go on without a driver")
    left = len(list(Path(f"{ledger}.slurm").glob("records/*.json")))
    check(left == 4 - len(kept), f"{left} records wait beside the ledger")
    submitted = arrays(ledger)
    start([*PREDICT, *FOUR, "--resume"], ledger, quiet=False).wait()
    check(len({line["cell_id"] for line in lines(ledger)}) == len(lines(ledger)) == 4, "4 records, none twice")
    check(lines(ledger)[: len(kept)] == kept, "what the ledger held, it holds")
    check(arrays(ledger) == submitted, "nothing was submitted again")


def measured(ledger: Path) -> None:
    """A cell that trains, on two cores."""
    print("\n== One measured cell on two cores.")
    ended = start([*GRID, "--meter", "cpu", "--steps", "2", "--slurm-cpus", "2"], ledger, quiet=False).wait()
    (line,) = lines(ledger)
    check(ended == 0 and line["status"] == "ok", f"status {line['status']}, {len(line['loss'])} losses")
    check(line["env"]["cpu_threads"] == 2, "two threads")


def on_two_ranks(ledger: Path) -> None:
    """A cell whose two ranks are processes of one job."""
    print("\n== One measured cell, two ranks of DDP through gloo on two cores.")
    shared = ["--parallel", "ddp", "--num-gpus", "2", "--steps", "2", "--slurm-cpus", "2"]
    ended = start([*GRID, "--meter", "cpu", *shared], ledger, quiet=False).wait()
    (line,) = lines(ledger)
    check(ended == 0 and [rank["rank"] for rank in line["ranks"]] == [0, 1], f"status {line['status']}, two ranks")


def timed_out(ledger: Path) -> None:
    """A cell that takes too long."""
    print("\n== A cell of a million steps with --timeout 45.")
    ended = start([*GRID, "--meter", "cpu", "--steps", "1000000", "--timeout", "45"], ledger, quiet=False).wait()
    (line,) = lines(ledger)
    check(ended == 1 and line["status"] == "timeout", f"status {line['status']}: {line['error']}")


def cancelled_from_outside(ledger: Path) -> None:
    """A job that somebody ends leaves no record itself; there is no accounting that could tell why it ended."""
    print("\n== A job that is ended with scancel from outside.")
    driver = start([*GRID, "--meter", "cpu", "--steps", "1000000"], ledger, quiet=False)
    wait_for(lambda: "RUNNING" in " ".join(queue()), "the job")
    subprocess.run(["scancel", "--me"], check=True)
    ended = driver.wait()
    (line,) = lines(ledger)
    check(ended == 1 and line["status"] == "error", f"status {line['status']}: {line['error']}")


def forced(ledger: Path) -> None:
    """What an earlier driver has left is ended and begun anew, that of the wanted cell alone."""
    print("\n== Two endless cells; the driver is killed, and --force runs one of them anew.")
    endless = [*GRID, "--meter", "cpu", "--steps", "1000000"]
    driver = start([*endless, "--seed", "0", "--seed", "1"], ledger)
    wait_for(lambda: sorted(queue()) == ["PENDING", "RUNNING"], "the jobs")
    driver.kill()
    driver.wait()
    short = ["--seed", "1", "--force", "--timeout", "20"]
    subprocess.run(["scancel", "--state=RUNNING", "--me"], check=True)  # it has the only place
    driver = start([*endless, *short], ledger, quiet=False)
    ended = driver.wait()
    show("squeue", "--array", "-o", "%i %T %j")
    (line,) = lines(ledger)
    check(ended == 1 and line["status"] == "timeout" and len(arrays(ledger)) == 2, "the cell was begun anew")


def interrupted(ledger: Path) -> None:
    """Ctrl-C twice ends what runs, and leaves nothing in the queue."""
    print("\n== Two endless cells; Ctrl-C twice.")
    driver = start([*GRID, "--meter", "cpu", "--steps", "1000000", "--seed", "0", "--seed", "1"], ledger, quiet=False)
    wait_for(lambda: "RUNNING" in queue(), "the job")
    time.sleep(20)  # a driver asks now and then, and takes back what it does not know to run
    for _ in range(2):
        driver.send_signal(signal.SIGINT)
        time.sleep(3)
    ended = driver.wait(timeout=60)
    wait_for(lambda: queue() == [], "the end of the jobs")
    check(ended == 130 and lines(ledger) == [], "interrupted, without a record")


def start(arguments: list[str], ledger: Path, quiet: bool = True) -> subprocess.Popen[bytes]:
    """A driver."""
    command = [sys.executable, "-m", "ladderscope", "profile", *arguments, *OPTIONS, "--out", ledger.name]
    print("$ ladderscope", *command[3:], flush=True)
    return subprocess.Popen(command, stderr=subprocess.DEVNULL if quiet else None)


def lines(ledger: Path) -> list[dict[str, Any]]:
    """The whole lines of a ledger."""
    text = ledger.read_text() if ledger.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def arrays(ledger: Path) -> list[str]:
    """The notes of what was submitted."""
    return sorted(path.read_text() for path in Path(f"{ledger}.slurm/arrays").iterdir())


def queue() -> list[str]:
    """The states of all jobs that wait or run."""
    told = subprocess.run(["squeue", "-h", "--array", "-o", "%T"], capture_output=True, text=True, check=True)
    return told.stdout.split()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 600) -> None:
    """Wait, or give up."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            check(False, f"{what} within {seconds:g} s")
        time.sleep(0.2)


def check(holds: bool, what: str) -> None:
    """Say what was found, and end where it is not as it should be."""
    print("ok: " if holds else "NOT SO: ", what, sep="", flush=True)
    if not holds:
        raise SystemExit(1)


def show(*command: str) -> None:
    """Run and print."""
    print("$", *command, flush=True)
    subprocess.run(command, check=True)


SCENARIOS = (driver_killed, measured, on_two_ranks, timed_out, cancelled_from_outside, forced, interrupted)


if __name__ == "__main__":
    main()
