"""Processes of the study: backbones that are pretrained, workers that train cells."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ladderscope.errors import LadderscopeError
from ladderscope.records import Cell, Record

from .family import Backbone, Plan

HERE = Path(__file__).parent
_ROOT = HERE.parents[1]


def environment() -> dict[str, str]:
    """A thread each, and this checkout's package."""
    path = os.pathsep.join(part for part in (str(_ROOT), os.environ.get("PYTHONPATH")) if part)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}


def pretraining_settings(plan: Plan, backbone: Backbone, work: Path, text: Path, tokenizer: Path) -> dict[str, Any]:
    """What ``pretrain.py`` is told."""
    return {
        "folder": str(work / backbone.name),
        "text": str(text),
        "tokenizer": str(tokenizer),
        "width": backbone.width,
        "depth": backbone.depth,
        "heads": backbone.heads,
        "ffn_width": backbone.ffn_width,
        "steps": plan.pretraining_steps,
        "seed": 0,
    }


def pretrain_all(
    wanted: Sequence[dict[str, Any]], slots: int, say: Callable[[str], None], stop: threading.Event
) -> None:
    """Make the folders that are missing, ``slots`` at a time; after ``stop`` none but what goes on from a checkpoint.

    Raises:
        LadderscopeError: one could not be made.
    """
    missing = [settings for settings in wanted if not Path(settings["folder"]).exists()]
    waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    for settings in sorted(missing, key=lambda one: -one["width"] * one["depth"]):
        waiting.put(settings)
    processes: list[subprocess.Popen[str]] = []
    failed: list[str] = []

    def work() -> None:
        while not (failed or stop.is_set()):
            try:
                settings = waiting.get_nowait()
            except queue.Empty:
                return
            reason = _pretrain(settings, processes, say, stop)
            if reason:
                failed.append(f"{Path(settings['folder']).name}: {reason}")

    _in_threads([work] * slots, processes)
    if failed:
        raise LadderscopeError(f"pretraining failed ({failed[0]}): run again, it goes on where it stopped.")


def _pretrain(
    settings: dict[str, Any],
    processes: list[subprocess.Popen[str]],
    say: Callable[[str], None],
    stop: threading.Event,
) -> str:
    """The reason of a failure, empty where it went well or was stopped."""
    folder = Path(settings["folder"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    say(f"pretraining {folder.name} ({settings['steps']} steps)")
    log = folder.with_name(f"{folder.name}.log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "pretrain.py"), json.dumps(settings)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment(),
            start_new_session=True,  # Ctrl-C is for the study, which says what is to end
        )
        processes.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            say(f"pretraining {folder.name}: step {json.loads(line)['steps']} of {settings['steps']}")
            if stop.is_set():  # a line follows on a checkpoint
                process.terminate()
                process.wait()
                return ""
    if process.wait() == 0:
        return ""
    return (log.read_text().strip().splitlines() or [f"exit code {process.returncode}"])[-1]


def train_all(
    cells: Sequence[Cell], slots: int, work: Path, done: Callable[[Record], None], stop: threading.Event
) -> None:
    """Train the cells in order, ``slots`` at a time; ``done`` is told of each in this process, one after the other.

    After ``stop`` no further cell begins.

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
        process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(),
            cwd=work,
            start_new_session=True,
        )
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

    _in_threads([loop] * min(slots, max(1, len(cells))), processes)
    if died:
        raise LadderscopeError(f"a worker ended {died[0]}: run again, what is in the ledger is kept.")


def _in_threads(works: Sequence[Callable[[], None]], processes: list[subprocess.Popen[str]]) -> None:
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
