"""Runs pytest with the plugin on small projects, most of the time in this process, where torch is imported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ladderscope.memory.predict import predict_memory
from ladderscope.regression.pytest_plugin.predicting import import_all

PLUGIN = ("-p", "ladderscope.regression.pytest_plugin", "-p", "no:cacheprovider", "--assert=plain")
Run = Callable[..., pytest.RunResult]
HEADER = """\
import unittest
import pytest
import torch
MIB = 2**20
def need(mib):
    return torch.empty(mib * MIB, dtype=torch.uint8, device="cuda")
"""


@pytest.fixture(scope="session", autouse=True)
def _imported() -> None:
    """Modules that a run inside of this process imports are forgotten behind it, so they are there before."""
    import ladderscope.regression.causes
    import ladderscope.regression.compare
    import ladderscope.regression.pytest_plugin.judging
    import ladderscope.regression.pytest_plugin.measuring
    import ladderscope.regression.pytest_plugin.sections  # noqa: F401

    import_all()
    with predict_memory("t4-16gb"):
        torch.nn.Linear(2, 2, device="cuda")(torch.zeros(2, 2, device="cuda")).sum().backward()


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs pytest on a test file with these lines behind HEADER; without them on what is there."""
    # The plugin is loaded by its name, whether or not it is installed as an entry point.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(lines: str | None = None, *args: str, subprocess: bool = False) -> pytest.RunResult:
        if lines is not None:
            pytester.makepyfile(test_it=HEADER + lines)
        start = pytester.runpytest_subprocess if subprocess else pytester.runpytest_inprocess
        return start(*PLUGIN, *args)

    return run


@pytest.fixture
def baseline(pytester: pytest.Pytester) -> Path:
    """Where the baseline of the small project is."""
    return pytester.path / "ladderscope-baseline.json"


@pytest.fixture
def edit(baseline: Path) -> Callable[..., None]:
    """Changes parts of the baseline that exist."""

    def change(**parts: Any) -> None:
        baseline.write_text(json.dumps({**json.loads(baseline.read_text()), **parts}))

    return change
