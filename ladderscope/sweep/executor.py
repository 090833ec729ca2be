"""Executors: what runs a job somewhere and brings back its record."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

from ladderscope.records import Record, Status
from ladderscope.sweep.protocol import Job

Tick = Callable[[float], None]
"""Told the fraction of the cell that is done."""


class Executor(Protocol):
    """Runs jobs, each in a fresh process."""

    slots: int
    """How many jobs it runs at a time."""

    def run(self, job: Job, tick: Tick) -> Record | None:
        """Measure the job and wait for it; a job that fails gives a record that says so, a cancelled one None."""
        ...

    def cancel(self) -> None:
        """End the running jobs at once."""
        ...


class LocalExecutor:
    """Processes of this machine.

    Args:
        slots: how many at a time.
        timeout_seconds: after which a cell is ended, None for never.
        devices: CUDA devices to hand out to the slots, round robin; empty where none is used.
    """

    def __init__(self, slots: int = 1, timeout_seconds: float | None = None, devices: tuple[str, ...] = ()) -> None:
        self.slots = slots
        self._timeout_seconds = timeout_seconds
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._devices: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        for slot in range(slots):
            self._devices.put(devices[slot % len(devices)] if devices else None)

    def run(self, job: Job, tick: Tick) -> Record | None:
        """Measure the job in a process of its own."""
        device = self._devices.get()
        try:
            with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
                return self._run_in_process(job, tick, device, log)
        finally:
            self._devices.put(device)

    def cancel(self) -> None:
        """End the running jobs at once; jobs that have not begun do not begin."""
        with self._lock:
            self._cancelled.set()
            for process in self._running:
                _kill(process)

    def _run_in_process(self, job: Job, tick: Tick, device: str | None, log: IO[str]) -> Record | None:
        oom_kills = _count_oom_kills()
        with self._lock:
            if self._cancelled.is_set():
                return None
            process = _start(job, device, log)
            self._running.add(process)
        timed_out = threading.Event()
        timer = _start_timer(self._timeout_seconds, process, timed_out)
        try:
            message = _last_message(process, tick)
            process.wait()
        finally:
            timer.cancel()
            with self._lock:
                self._running.discard(process)
        if self._cancelled.is_set():
            return None
        if "record" in message:
            return Record.from_json(message["record"])
        if timed_out.is_set():
            return _failed(job, "timeout", f"took longer than the {self._timeout_seconds:g} seconds of --timeout")
        if "failure" in message:
            return _failed(job, message["failure"]["status"], message["failure"]["error"])
        killed = process.returncode == -signal.SIGKILL
        status: Status = "oom" if killed and _count_oom_kills() > oom_kills else "error"
        return _failed(job, status, _how_it_ended(process.returncode, log))


def _start(job: Job, device: str | None, log: IO[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false"}
    if device is not None:
        environment["CUDA_VISIBLE_DEVICES"] = device
    process = subprocess.Popen(
        [sys.executable, "-m", "ladderscope.sweep.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env=environment,
        cwd=Path.cwd(),
        start_new_session=True,  # Ctrl-C on the terminal is the sweep's to handle
    )
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(job.to_line())
        process.stdin.flush()
    return process


def _start_timer(seconds: float | None, process: subprocess.Popen[str], timed_out: threading.Event) -> threading.Timer:
    def end() -> None:
        timed_out.set()
        _kill(process)

    timer = threading.Timer(seconds if seconds is not None else threading.TIMEOUT_MAX, end)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    return timer


def _last_message(process: subprocess.Popen[str], tick: Tick) -> dict[str, Any]:
    assert process.stdout is not None
    message: dict[str, Any] = {}
    for line in process.stdout:
        with suppress(ValueError):  # a line cut off by a kill
            message = json.loads(line)
            if "progress" in message:
                tick(message["progress"])
    return message


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _failed(job: Job, status: Status, error: str) -> Record:
    return Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status=status, error=error)


def _how_it_ended(returncode: int, log: IO[str]) -> str:
    if returncode < 0:
        return f"the process was killed by {signal.Signals(-returncode).name}"
    log.seek(0)
    last_line = (log.read().strip().splitlines() or ["it printed nothing"])[-1]
    return f"the process ended with exit code {returncode}: {last_line}"


def _count_oom_kills() -> int:
    try:
        fields = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except OSError:
        return 0
    return int(fields.get("oom_kill", 0))
