"""Processes that train cells: a JSON line with a cell goes in, one with its record comes out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import ladderscope
from ladderscope.errors import LadderscopeError
from ladderscope.memory.meters import resolve_meter
from ladderscope.records import Cell, Record, Status

_ROOT = Path(ladderscope.__file__).parents[1]
LOG = "workers.log"


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

    A worker that dies becomes a record that says so, and another takes its place. After ``stop`` no further cell
    begins. What workers print is appended to ``workers.log`` in ``work``.

    Args:
        cells: what to train.
        script: of a worker, which calls :func:`ladderscope.studies.trained.serving.serve`.
        slots: workers, each with a core.
        work: folder in which they run, so that names of models and data in cells can be paths below it.
        done: keeps a record.
        stop: set once no further cell is to begin.

    Raises:
        LadderscopeError: workers die one after the other, before any of them has trained a cell.
    """
    queue = _Queue(iter(cells), done, stop)
    processes: list[subprocess.Popen[str]] = []
    in_threads([lambda: _serve(queue, script, work, processes)] * min(slots, max(1, len(cells))), processes)
    if queue.is_hopeless:
        raise LadderscopeError(f"workers end before they have trained a cell: {work / LOG} says why.")
    queue.keep_dead()


class _Queue:
    """The cells that wait, and what has become of the others; shared by the threads of all workers."""

    def __init__(self, cells: Iterator[Cell], done: Callable[[Record], None], stop: threading.Event) -> None:
        self._cells, self._done, self._stop, self._lock = cells, done, stop, threading.Lock()
        self._dead: list[Record] = []
        self._has_answered = self._is_broken = False

    @property
    def is_hopeless(self) -> bool:
        """Whether two workers have died and none has answered: it is not the cells that are at fault."""
        return len(self._dead) > 1 and not self._has_answered

    def next(self) -> Cell | None:
        """The next cell; None where none is to begin."""
        with self._lock:
            is_over = self._stop.is_set() or self._is_broken or self.is_hopeless
            return None if is_over else next(self._cells, None)

    def keep(self, record: Record, *, died: bool) -> None:
        """A cell has come to its end. Where its record cannot be kept, no other begins."""
        with self._lock:
            self._has_answered |= not died
            if died:
                self._dead.append(record)
            else:
                self._keep(record)
        if self._has_answered:
            self.keep_dead()

    def keep_dead(self) -> None:
        """The records of workers that have died, held back until another one has shown that workers work."""
        with self._lock:
            while self._dead:
                self._keep(self._dead.pop(0))

    def _keep(self, record: Record) -> None:
        try:
            self._done(record)
        except BaseException:
            self._is_broken = True
            raise


def _serve(queue: _Queue, script: Path, work: Path, processes: list[subprocess.Popen[str]]) -> None:
    """Hand cells to a worker until none is left; one that has died is replaced."""
    process: subprocess.Popen[str] | None = None
    while (cell := queue.next()) is not None:
        if process is None:
            process = _start(script, work)
            processes.append(process)
        answer = _answer(process, cell)
        if answer:
            queue.keep(Record.from_json(json.loads(answer)), died=False)
        else:
            queue.keep(_dead(cell, process.wait(), work / LOG), died=True)
            process = None
    if process is not None:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()


def _answer(process: subprocess.Popen[str], cell: Cell) -> str:
    """The worker's line on the cell; empty where it has died."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        print(json.dumps(cell.to_json()), file=process.stdin, flush=True)
    return process.stdout.readline()


def _dead(cell: Cell, exit_code: int, log: Path) -> Record:
    """What is kept of a cell whose worker has died: killed by the system most likely means that memory ran out."""
    meter = resolve_meter("auto")
    is_killed = exit_code == -signal.SIGKILL
    status: Status = "oom" if is_killed else "error"
    how = "was killed, as the system does when memory runs out" if is_killed else f"ended with exit code {exit_code}"
    return Record(
        cell=cell, meter=meter.name, gpu=meter.hardware(), status=status, error=f"the worker {how}; see {log.name}"
    )


def _start(script: Path, work: Path) -> subprocess.Popen[str]:
    with (work / LOG).open("a") as log:
        return subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
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
