"""Training runs that are killed or interrupted, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ladderscope.cli import run

Start = Callable[[Path], "subprocess.Popen[str]"]

STEPS = 30


@pytest.fixture
def arguments(tiny_folder: Path, sums_file: Path) -> list[str]:
    """Of the run, but for its folder."""
    words = ["train", "--model", str(tiny_folder), "--data", str(sums_file), "--method", "ladder", "--reduction", "2"]
    words += ["--seq-len", "128", "--batch-size", "4", "--steps", str(STEPS), "--schedule", "linear"]
    return [*words, "--save-every", "5", "--eval-every", "10"]


@pytest.fixture
def start(arguments: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts the same training run in a process of its own; ends what is left of it."""
    started: list[subprocess.Popen[str]] = []

    def begin(out: Path) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ladderscope", *arguments, "--out", str(out)],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for_a_checkpoint(process: subprocess.Popen[str], out: Path) -> None:
    deadline = time.monotonic() + 120
    while not list(out.glob("checkpoint-*/trainer_state.json")):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(process: subprocess.Popen[str]) -> str:
    _, messages = process.communicate(timeout=300)
    assert process.returncode == 0, messages
    return messages


def record(out: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((out / "training.json").read_text())
    return values


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_an_uninterrupted_one(
    start: Start, arguments: list[str], tmp_path: Path
) -> None:
    killed = start(tmp_path / "killed")
    wait_for_a_checkpoint(killed, tmp_path / "killed")
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert record(tmp_path / "killed")["status"] == "running"

    messages = finish(start(tmp_path / "killed"))
    assert messages.startswith("Going on from step ")
    kinds = ("Going on", "step ", "held-out loss", str(tmp_path))
    assert [line for line in messages.splitlines() if not line.startswith(kinds)] == []
    assert run([*arguments, "--out", str(tmp_path / "whole")]) == 0
    resumed, whole = record(tmp_path / "killed"), record(tmp_path / "whole")
    assert [step["loss"] for step in resumed["steps"]] == [step["loss"] for step in whole["steps"]]
    assert len(whole["steps"]) == STEPS
    assert resumed["evaluations"] == whole["evaluations"]
    name = "adapter_model.safetensors"
    assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_ctrl_c_saves_a_checkpoint_and_says_how_to_go_on(start: Start, tmp_path: Path) -> None:
    out = tmp_path / "out"
    process = start(out)
    wait_for_a_checkpoint(process, out)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in messages
    assert "Traceback" not in messages
    assert record(out)["status"] == "running"
    (checkpoint,) = out.glob("checkpoint-*")
    assert int(checkpoint.name.split("-")[1]) < STEPS
