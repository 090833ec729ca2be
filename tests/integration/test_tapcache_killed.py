"""Runs with cached taps that are killed while they fill the cache, and while they train, in real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ladderscope.cli import run

Start = Callable[..., "subprocess.Popen[str]"]

STEPS = 8


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Enough that the cache is not full in an instant."""
    path = tmp_path / "sums.jsonl"
    lines = [{"prompt": f"{i} + {i} = ", "completion": f"{2 * i}, and that is all there is."} for i in range(2500)]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


@pytest.fixture
def arguments(tiny_folder: Path, data: Path) -> list[str]:
    """Of the run, but for its folders."""
    words = ["train", "--model", str(tiny_folder), "--data", str(data), "--reduction", "2", "--seq-len", "128"]
    words += ["--batch-size", "4", "--steps", str(STEPS), "--save-every", "2", "--eval-fraction", "0.01"]
    return [*words, "--quantization", "none"]


def folders(tmp_path: Path, out: str) -> list[str]:
    return ["--out", str(tmp_path / out), "--cache-taps", str(tmp_path / f"{out}-taps")]


@pytest.fixture
def start(arguments: list[str], tmp_path: Path) -> Iterator[Start]:
    """Starts the run, with its own folders, in a process of its own; ends what is left of it."""
    started: list[subprocess.Popen[str]] = []

    def begin(out: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ladderscope", *arguments, *folders(tmp_path, out)],
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


@pytest.fixture
def finish(arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The same run to its end, in this process; gives what it said."""

    def to_the_end(out: str, *more: str) -> str:
        capfd.readouterr()
        code = run([*arguments, *folders(tmp_path, out), *more])
        messages = capfd.readouterr().err
        assert code == 0, messages
        return messages

    return to_the_end


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_killed_while_it_fills_and_while_it_trains_a_run_ends_as_an_uninterrupted_one(
    start: Start, finish: Callable[..., str], tmp_path: Path
) -> None:
    taps, out = tmp_path / "killed-taps", tmp_path / "killed"
    process = start("killed")
    wait_for((taps / "rows").exists, process)
    kill(process)
    rows = int((taps / "rows").read_text())
    before = {path.name: path.read_bytes() for path in taps.glob("*.bin")}

    process = start("killed")
    wait_for(lambda: list(out.glob("checkpoint-*/trainer_state.json")), process)
    kill(process)
    times = {path.name: path.stat().st_mtime_ns for path in taps.glob("*.bin")}
    messages = finish("killed")
    assert "Going on from step " in messages
    assert "Caching" not in messages
    assert {path.name: path.stat().st_mtime_ns for path in taps.glob("*.bin")} == times  # all that was there was used

    whole = finish("whole")
    total = int(re.search(r"Caching (\d+) rows", whole)[1])  # type: ignore[index]
    assert 0 < rows < total
    for name, written in before.items():
        complete = (taps / name).read_bytes()
        counted = len(complete) * rows // total
        assert complete[:counted] == written[:counted]
        assert complete == (tmp_path / "whole-taps" / name).read_bytes()
    assert losses(out) == losses(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_while_it_fills_says_how_to_go_on(start: Start, finish: Callable[..., str], tmp_path: Path) -> None:
    process = start("out")
    wait_for((tmp_path / "out-taps" / "rows").exists, process)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in messages
    assert "Traceback" not in messages
    rows = int((tmp_path / "out-taps" / "rows").read_text())
    assert f"; {rows} rows are there already." in finish("out", "--steps", "2", "--no-resume")


def losses(out: Path) -> list[float]:
    values = json.loads((out / "training.json").read_text())
    assert values["status"] == "finished"
    return [each["loss"] for each in (*values["steps"], *values["evaluations"])]
