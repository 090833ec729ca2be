"""Pretrains the backbones that are missing, a process each."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ladderscope.errors import LadderscopeError
from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.trained.workers import environment, in_threads

_SCRIPT = Path(__file__).with_name("pretrain.py")


def pretraining_settings(
    backbone: SmallBackbone,
    *,
    steps: int,
    work: Path,
    text: Path,
    tokenizer: Path,
    rows: tuple[int, int] = (8, 256),
    initial: float = 0.02,
    peak_rate: float = 3e-3,
) -> dict[str, Any]:
    """What ``pretrain.py`` is told: ``steps`` of ``text``, into a folder below ``work``.

    A step takes ``rows``: how many, and of how many consecutive tokens each. A text whose lines have all that many
    tokens is not cut within a line.

    Args:
        backbone: what to make.
        steps: of the optimizer.
        work: folder below which it is made.
        text: file to learn from.
        tokenizer: its folder.
        rows: of a step.
        initial: standard deviation of the weights at the start; what is usual is small for narrow models.
        peak_rate: learning rate after the warm-up.
    """
    return {
        "folder": str(work / backbone.name),
        "text": str(text),
        "tokenizer": str(tokenizer),
        "width": backbone.width,
        "depth": backbone.depth,
        "heads": backbone.heads,
        "ffn_width": backbone.ffn_width,
        "steps": steps,
        "batch": rows[0],
        "length": rows[1],
        "initial": initial,
        "peak_rate": peak_rate,
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

    in_threads([work] * slots, processes)
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
            [sys.executable, str(_SCRIPT), json.dumps(settings)],
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
