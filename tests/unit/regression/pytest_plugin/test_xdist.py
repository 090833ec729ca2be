"""The plugin in the workers of pytest-xdist: reports, JUnit XML and the baseline are the same as without."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.unit.regression.pytest_plugin.conftest import Run

TESTS = """
@pytest.mark.memory_baseline
@pytest.mark.parametrize("mib", [32, 64])
def test_entry(mib):
    need(mib)
@pytest.mark.xdist_group("one")
@pytest.mark.memory_baseline
def test_in_a_group():
    need(8)
@pytest.mark.peak_memory("16 MiB")
@pytest.mark.peak_memory("1 GiB", reserved=True)
def test_too_much():
    need(24)
"""


def test_workers_hand_on_what_they_find(run: Run, baseline: Path, pytester: pytest.Pytester) -> None:
    junit = pytester.path / "junit.xml"
    xdist = ("-p", "xdist", "-n", "2", "--dist", "loadgroup", "--junit-xml", str(junit), "--ladderscope-update")
    result = run(TESTS, *xdist, subprocess=True)
    result.assert_outcomes(passed=3, failed=1)
    _check_terminal(result)
    _check_junit(junit)
    distributed = baseline.read_bytes()
    assert list(json.loads(distributed)["tests"]) == [
        "test_it.py::test_entry[32]",
        "test_it.py::test_entry[64]",
        "test_it.py::test_in_a_group",
    ]
    here = run(TESTS.replace('@pytest.mark.xdist_group("one")\n', ""), "--ladderscope-update")
    here.stdout.fnmatch_lines(["ladderscope-baseline.json: 0 new tests, 0 changed, 3 unchanged."])
    assert baseline.read_bytes() == distributed


def _check_terminal(result: pytest.RunResult) -> None:
    result.stdout.fnmatch_lines(
        [
            "peak of 24 MiB allocated is above the limit of 16 MiB by 8.00 MiB, predicted for NVIDIA GeForce RTX 3060",
            "*memory, predicted for NVIDIA GeForce RTX 3060*",
            "   24 MiB  empty.memory_format (load)",
            "ladderscope-baseline.json: 3 new tests, 0 changed, 0 unchanged.",
        ]
    )


def _check_junit(path: Path) -> None:
    cases = {case.attrib["name"]: case for case in ElementTree.parse(path).iter("testcase")}
    properties = {
        name: {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")} for name, case in cases.items()
    }
    mib = 2**20
    assert properties["test_entry[32]"] == {
        "peak_allocated_bytes": str(32 * mib),
        "peak_reserved_bytes": str(32 * mib),
        "meter": "predict",
        "gpu": "rtx-3060-12gb",
    }
    too_much = properties["test_too_much"]
    assert (too_much["limit"], too_much["reserved_limit"]) == (str(16 * mib), str(2**30))
    failure = cases["test_too_much"].find("failure")
    assert failure is not None
    assert "peak of 24 MiB allocated is above the limit of 16 MiB" in failure.attrib["message"]
    assert cases["test_entry[64]"].find("failure") is None


PLAIN = "def test_plain():\n    pass\n"


@pytest.mark.parametrize(
    ("ini", "sentence"),
    [
        pytest.param("", "the baseline *is not JSON*: restore it from version control.", marks=pytest.mark.slow),
        ("ladderscope_meter = cuda", "--ladderscope-meter cuda needs a CUDA device, and PyTorch finds none: use *"),
    ],
)
def test_what_cannot_work_is_said_by_the_tests_that_need_it_alone(
    run: Run, baseline: Path, pytester: pytest.Pytester, ini: str, sentence: str
) -> None:
    baseline.write_text("<<<<<<< ours")
    pytester.makeini(f"[pytest]\n{ini}\n")
    xdist = ("-p", "xdist", "-n", "1")
    assert run(PLAIN, *xdist).ret == 0
    marked = "@pytest.mark.memory_baseline\ndef test_entry():\n    need(1)\n"
    result = run(PLAIN + marked, *xdist, "--ladderscope-update")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_entry*", "*", sentence])
    result.stdout.no_fnmatch_line("*Traceback*")
    assert baseline.read_text() == "<<<<<<< ours"
