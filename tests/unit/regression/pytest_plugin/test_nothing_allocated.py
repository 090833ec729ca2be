"""A body that allocates nothing on the GPU: no limit could ever fail, so it is not passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.regression.pytest_plugin.conftest import Run

IDIOM = """
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
def step(device):
    torch.nn.Linear(512, 512, device=device)(torch.zeros(64, 512, device=device)).sum().backward()
"""
SENTENCE = (
    "the test's body allocated nothing on the GPU, so nothing guards it: a device that is chosen outside of the body, "
    'as by `DEVICE = "cuda" if torch.cuda.is_available() else "cpu"` at the top of a module, is the CPU where there '
    'is no GPU, so choose it in the body or write "cuda"; where that is meant, say so with peak_memory("0 B")'
)


def test_a_device_chosen_at_import_is_the_cpu_and_fails_with_the_way_out(run: Run, baseline: Path) -> None:
    result = run(
        IDIOM
        + """
@pytest.mark.peak_memory("1 MiB")
def test_limit():
    step(DEVICE)
@pytest.mark.memory_baseline
def test_entry():
    step(DEVICE)
@pytest.mark.peak_memory("1 GiB")
@pytest.mark.memory_baseline
def test_chosen_inside():
    step("cuda" if torch.cuda.is_available() else "cpu")
""",
        "--ladderscope-update",
    )
    result.assert_outcomes(passed=1, failed=2)
    assert result.outlines.count(SENTENCE) == 2
    result.stdout.fnmatch_lines(["new: test_it.py::test_chosen_inside"])
    assert "test_entry" not in baseline.read_text()


def test_the_fixture_alone_asks_for_nothing(run: Run) -> None:
    test = "\ndef test_it(memory_trace):\n    step(DEVICE)\n    assert memory_trace.peak_allocated_bytes == 0\n"
    run(IDIOM + test).assert_outcomes(passed=1)


def test_a_limit_of_zero_says_that_nothing_is_to_be_allocated(run: Run) -> None:
    result = run(
        """
@pytest.mark.memory_baseline
@pytest.mark.peak_memory("0 B")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_it(device):
    torch.empty(8, device=device)
""",
        "--ladderscope-update",
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["peak of 512 B allocated is above the limit of 0 B by 512 B, predicted for *"])


@pytest.mark.parametrize("body", ["pytest.skip('no')", "assert 1 == 2"])
def test_a_body_that_does_not_end_well_has_its_own_outcome(run: Run, body: str) -> None:
    result = run(f"@pytest.mark.peak_memory(8)\ndef test_it():\n    {body}\n")
    result.stdout.no_fnmatch_line("*allocated nothing*")
