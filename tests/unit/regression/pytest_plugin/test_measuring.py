"""``--ladderscope-meter cuda``. There is no GPU here: the device is simulated, and its history is made by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ladderscope.memory.predict import predict_memory
from tests.unit.regression.pytest_plugin.conftest import Run

CUDA = ("--ladderscope-meter", "cuda")
TEST = """
@pytest.mark.peak_memory("40 MiB")
def test_it(memory_trace):
    need(64)
    assert memory_trace.peak_allocated_bytes == 64 * MIB
    assert memory_trace.breakdown() == {"other": 64 * MIB}
"""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, pytester: pytest.Pytester) -> Iterator[list[Any]]:
    """The calls that switch the history on and off, on a device that is there for the whole session."""
    seen: list[Any] = []
    frames = [{"filename": str(pytester.path / "test_it.py"), "line": 6, "name": "need"}]
    history = [{"action": "alloc", "addr": 1, "size": 64 * 2**20, "frames": frames}]
    with predict_memory("rtx-3060-12gb"):
        monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", lambda **options: seen.append(options))
        monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: {"device_traces": [history]})
        yield seen
        monkeypatch.undo()


def test_without_a_device_the_session_ends_in_a_sentence(run: Run) -> None:
    result = run(TEST, *CUDA)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --ladderscope-meter cuda needs a CUDA device, and PyTorch finds none: use *"])
    assert run("def test_plain():\n    pass\n", *CUDA).ret == 0


def test_a_measured_test_is_judged_and_its_lines_are_named(run: Run, calls: list[Any]) -> None:
    result = run(TEST, *CUDA)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "peak of 64 MiB allocated is above the limit of 40 MiB by 24 MiB, measured on NVIDIA GeForce RTX 3060",
            "*memory, measured on NVIDIA GeForce RTX 3060*",
            "   64 MiB  test_it.py:6 in need",
        ]
    )
    result.stdout.no_fnmatch_line("*predicted*")
    on = {"enabled": "all", "context": "alloc", "stacks": "python"}
    assert calls == [{"enabled": None}, on, {"enabled": None}]


@pytest.mark.usefixtures("calls")
def test_measured_entries_are_not_compared_with_predicted_ones(run: Run, baseline: Path) -> None:
    test = "@pytest.mark.memory_baseline\ndef test_it():\n    need(8)\n"
    run(test, "--ladderscope-update", *CUDA).assert_outcomes(passed=1)
    entry = json.loads(baseline.read_text())["tests"]["test_it.py::test_it"]
    assert (entry["meter"], entry["gpu"]) == ("cuda", "NVIDIA GeForce RTX 3060")
    assert entry["metrics"] == {"peak_allocated": 8 * 2**20, "peak_reserved": 20 * 2**20}
    assert "breakdown" not in entry
    run(None, *CUDA).assert_outcomes(passed=1)
    baseline.write_text(baseline.read_text().replace('"cuda"', '"predict"').replace("NVIDIA GeForce RTX 3060", "l4"))
    result = run(None, *CUDA)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the baseline has this test predicted for l4, and it was measured on NVIDIA *"])


def test_a_measured_body_that_allocates_nothing_is_no_success(
    run: Run, calls: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: {"device_traces": [[]]})
    result = run("@pytest.mark.peak_memory(8)\ndef test_it():\n    torch.zeros(8)\n", *CUDA)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test's body allocated nothing on the GPU*fixtures*not measured*peak_memory(*"])


TWO_GPUS = """
@pytest.mark.peak_memory("3 GiB")
def test_it(memory_trace):
    assert memory_trace.peak_reserved_bytes == 5 * 2**30
    assert memory_trace.top_allocations(1)[0].operation == "test_it.py:6 in need"
"""


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(("uses_the_other", "failed"), [(True, 1), (False, 0)])
def test_what_a_body_allocates_on_another_gpu_counts(
    run: Run, monkeypatch: pytest.MonkeyPatch, uses_the_other: bool, failed: int
) -> None:
    """The other GPU holds 4 GiB, of which an earlier test may have left all."""
    own, reset = torch.cuda.memory._snapshot()["device_traces"][0], list[int]()
    gib = [1 * 2**30, 4 * 2**30]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset.append)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: gib[device])
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: gib[device] + 2**30)
    traces = [[], own] if uses_the_other else [own, []]
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: {"device_traces": traces})
    test = TWO_GPUS if uses_the_other else TWO_GPUS.replace("5 *", "2 *")
    run(test, *CUDA).assert_outcomes(failed=failed, passed=1 - failed)
    assert reset == [0, 1]
    if failed:
        run(TWO_GPUS, *CUDA).stdout.fnmatch_lines(["peak of 4.00 GiB allocated is above the limit of 3.00 GiB *"])


@pytest.mark.usefixtures("calls")
def test_thresholds_of_markers_and_of_the_file_on_what_is_only_predicted_wait_for_predictions(run: Run) -> None:
    limits = "activations:0,saved_for_backward:0"
    test = f"@pytest.mark.memory_baseline(fail_on={limits!r})\ndef test_it():\n    need(8)\n"
    run(test, "--ladderscope-update", *CUDA).assert_outcomes(passed=1)
    run(test, *CUDA).assert_outcomes(passed=1)
