"""Processes that train cells: a JSON line with a cell goes in, one with its record comes out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import ladderscope
from ladderscope.errors import LadderscopeError
from ladderscope.records import Cell, Record

_ROOT = Path(ladderscope.__file__).parents[1]


def environment() -> dict[str, str]:
    """A thread each, and this checkout's package."""
    path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def train_all(
    cells: Sequence[Cell],
    script: Path,
    slots: int,
    work: Path,
    done: Callable[[Record], None],
    stop: threading.Event,
) -> None:
    """Train the cells in order, ``slots`` at a time; ``done`` is told of each in this process, one after the other.

    After ``stop`` no further cell begins.

    Args:
        cells: what to train.
        script: of a worker, which calls :func:`ladderscope.studies.trained.serving.serve`.
        slots: workers, each with a core.
        work: folder in which they run, so that names of models and data in cells can be paths below it.
        done: keeps a record.
        stop: set once no further cell is to begin.

    Raises:
        LadderscopeError: a worker died.
    """
    waiting: Iterator[Cell] = iter(cells)
    lock = threading.Lock()
    processes: list[subprocess.Popen[str]] = []
    died: list[str] = []

    def loop() -> None:
        if stop.is_set():
            return
        process = _start(script, work)
        processes.append(process)
        assert process.stdin is not None
        assert process.stdout is not None
        while not (died or stop.is_set()):
            with lock:
                cell = next(waiting, None)
            if cell is None:
                break
            with suppress(BrokenPipeError):
                print(json.dumps(cell.to_json()), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            if not answer:
                died.append(f"at {cell.label}, with exit code {process.wait()}")
                return
            with lock:
                done(Record.from_json(json.loads(answer)))
        process.stdin.close()
        process.wait()

    in_threads([loop] * min(slots, max(1, len(cells))), processes)
    if died:
        raise LadderscopeError(f"a worker ended {died[0]}: run again, what is in the ledger is kept.")


def _start(script: Path, work: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
        cwd=work,
        start_new_session=True,  # Ctrl-C is for the study, which says what is to end
    )


def in_threads(works: Sequence[Callable[[], None]], processes: list[subprocess.Popen[str]]) -> None:
    """Run all to their end; whatever ends the wait, an interrupt too, ends the processes. Re-raises an error."""
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,), daemon=True) for work in works]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    finally:
        for process in processes:
            if process.poll() is None:
                process.terminate()
    if errors:
        raise errors[0]
