"""Runs of the tiny Llama on sixty sums."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.finetune.settings import TrainSettings, resolve_settings

MakeSettings = Callable[..., TrainSettings]


class Recorder:
    """Keeps what it is told; sets ``stop`` behind a step, as Ctrl-C would."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[int] = []
        self.losses: list[float] = []
        self.evaluations: list[int] = []
        self.messages: list[str] = []
        self.stop = threading.Event()
        self._stop_after = stop_after

    def step(self, step: int, total: int, loss: float) -> None:
        self.steps.append(step)
        self.losses.append(loss)
        if self._stop_after is not None and step >= self._stop_after - 1:
            self.stop.set()  # heard behind the next step

    def evaluated(self, step: int, loss: float) -> None:
        self.evaluations.append(step)

    def say(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def make_recorder() -> Callable[..., Recorder]:
    return Recorder


@pytest.fixture
def settings(tiny_folder: Path, sums_file: Path, tmp_path: Path) -> MakeSettings:
    """Makes the settings of a short run; values override."""

    def make(**values: Any) -> TrainSettings:
        defaults: dict[str, Any] = {"model": str(tiny_folder), "data": str(sums_file), "method": "lora", "rank": 4}
        defaults |= {"out": str(tmp_path / "out"), "reduction": 2, "seq_len": 64, "dtype": "fp32"}
        defaults["save_every"] = 100  # checkpoints would take half of the time
        return resolve_settings({**defaults, **({} if "epochs" in values else {"steps": 6}), **values})

    return make
