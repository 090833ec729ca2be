from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start_profile(tmp_path: Path) -> Iterator[Start]:
    """Starts `ladderscope profile` in a process of its own, on cells of the tiny Llama; ends what is left of it."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "ladderscope", "profile", "--model", "random:tiny-llama", *arguments]
        process = subprocess.Popen(
            [*command, "--out", str(tmp_path / "runs.jsonl")],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ledger_lines(tmp_path: Path) -> Callable[[], list[dict[str, Any]]]:
    """Reads the whole lines of the ledger that `start_profile` writes to."""

    def read() -> list[dict[str, Any]]:
        path = tmp_path / "runs.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture
def workers(tmp_path: Path) -> Callable[[], list[psutil.Process]]:
    """Lists the living processes that measure a cell of this test; they work in a folder of its own."""

    def find() -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter(["cmdline", "status"]):
            command = process.info["cmdline"] or []
            with suppress(psutil.Error):
                living = process.info["status"] != psutil.STATUS_ZOMBIE
                if "ladderscope.sweep.worker" in command and living and process.cwd() == str(tmp_path):
                    found.append(process)
        return found

    return find
