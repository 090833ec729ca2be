"""``@pytest.mark.memory_baseline``: a test is compared with its reviewed entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.regression.pytest_plugin.conftest import Run

Edit = Callable[..., None]
TWO = """
@pytest.mark.memory_baseline
def test_one():
    need(32)
@pytest.mark.memory_baseline
def test_two():
    model = torch.nn.Linear(512, 512).cuda()
    model(torch.zeros(64, 512, device="cuda")).sum().backward()
"""
MORE = TWO.replace("need(32)", "need(48)")


@pytest.fixture
def updated(run: Run, baseline: Path) -> dict[str, dict[str, object]]:
    """The entries of TWO, as an update wrote them."""
    run(TWO, "--ladderscope-update").assert_outcomes(passed=2)
    entries: dict[str, dict[str, object]] = json.loads(baseline.read_text())["tests"]
    return entries


def test_a_test_without_an_entry_fails_with_the_way_out(run: Run, baseline: Path) -> None:
    result = run(TWO, "-k", "one")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["the baseline has no entry of this test: take it with pytest --ladderscope-update, review and commit it"]
    )
    assert not baseline.exists()


def test_an_update_writes_what_tests_take(updated: dict[str, dict[str, object]]) -> None:
    assert list(updated) == ["test_it.py::test_one", "test_it.py::test_two"]
    one, two = updated.values()
    assert (one["meter"], one["gpu"], one["status"]) == ("predict", "rtx-3060-12gb", "ok")
    assert one["metrics"] == {"peak_allocated": 2**25, "peak_reserved": 2**25}
    assert one["at_peak"] == {"other": {"(outside of modules, load): empty.memory_format": 2**25}}
    assert "saved_for_backward" in two["metrics"]  # type: ignore[operator]
    assert two["saved_for_backward"]
    assert "torch" in two["versions"]  # type: ignore[operator]


def test_with_its_entry_a_test_passes_and_a_second_update_changes_nothing(
    run: Run, baseline: Path, updated: dict[str, dict[str, object]]
) -> None:
    before = baseline.read_bytes()
    result = run(None)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*memory baseline*")
    again = run(None, "--ladderscope-update")
    again.stdout.fnmatch_lines(["ladderscope-baseline.json: 0 new tests, 0 changed, 2 unchanged."])
    assert baseline.read_bytes() == before


@pytest.mark.usefixtures("updated")
def test_growth_fails_and_names_its_cause(run: Run) -> None:
    result = run(MORE)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "peak allocated grew from 32 MiB to 48 MiB, by 16 MiB where 0 is allowed, predicted for NVIDIA GeForce "
            "RTX 3060; also peak reserved by 16 MiB",
            "*memory, predicted for NVIDIA GeForce RTX 3060*",
            "   48 MiB  empty.memory_format (load)",
            "*memory, compared with the baseline*",
            "*(outside of modules, load): empty.memory_format*",
            "*dependency*",
        ]
    )


@pytest.mark.usefixtures("updated")
def test_an_update_says_what_changed_and_why(run: Run, baseline: Path) -> None:
    two = json.loads(baseline.read_text())["tests"]["test_it.py::test_two"]
    result = run(MORE + "\n@pytest.mark.memory_baseline\ndef test_three():\n    need(1)\n", "--ladderscope-update")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "ladderscope-baseline.json: 1 new test, 1 changed, 1 unchanged.",
            "new: test_it.py::test_three",
            "changed: test_it.py::test_one",
            "  *grew by 16 MiB*",
        ]
    )
    entries = json.loads(baseline.read_text())["tests"]
    assert entries["test_it.py::test_one"]["metrics"]["peak_allocated"] == 48 * 2**20
    assert entries["test_it.py::test_two"] == two


@pytest.mark.usefixtures("updated")
def test_an_update_leaves_all_else_as_it_is(run: Run, baseline: Path, edit: Edit) -> None:
    cell = {"meter": "cpu", "gpu": None, "status": "ok", "metrics": {"peak_allocated": 5}}
    edit(cells={"a cell": cell}, fail_on={"peak_reserved": "7%"})
    run(None, "--ladderscope-update", "-k", "one")  # brings the edited file into its own form
    before = baseline.read_text()
    run(MORE, "--ladderscope-update", "-k", "one").assert_outcomes(passed=1, deselected=1)
    after = json.loads(baseline.read_text())
    assert (after["cells"], after["fail_on"]) == ({"a cell": cell}, {"peak_reserved": "7%"})
    start = '  "test_it.py::test_two"'
    assert before[before.index(start) :] == baseline.read_text()[baseline.read_text().index(start) :]


@pytest.mark.usefixtures("updated")
def test_what_fails_keeps_its_entry(run: Run, baseline: Path) -> None:
    before = baseline.read_bytes()
    result = run(MORE.replace("need(48)", "need(48)\n    assert False"), "--ladderscope-update", "-k", "one")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(["ladderscope-baseline.json is as it was: no test with memory_baseline passed."])
    assert baseline.read_bytes() == before


@pytest.mark.usefixtures("updated")
def test_an_improvement_passes_and_asks_for_an_update(run: Run) -> None:
    result = run(TWO.replace("need(32)", "need(24)"))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "test_it.py::test_one: peak allocated 32 MiB -> 24 MiB (-8.00 MiB), peak reserved 32 MiB -> 24 MiB *",
            "1 test needs less memory than the baseline: keep that with pytest --ladderscope-update.",
        ]
    )


@pytest.mark.usefixtures("updated")
def test_a_markers_limit_goes_before_the_options_and_that_before_the_files(run: Run, edit: Edit) -> None:
    one, marked = MORE.partition("@pytest.mark.memory_baseline\ndef test_two")[0], "peak_allocated:10MiB"
    edit(fail_on={"peak_allocated": "50%", "peak_reserved": "50%"})
    run(one).assert_outcomes(passed=1)
    run(one, "--ladderscope-fail-on", "peak_allocated:0").assert_outcomes(failed=1)
    strict = one.replace("baseline\n", f"baseline(fail_on={marked!r})\n")
    result = run(strict, "--ladderscope-fail-on", "peak_allocated:100%")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["peak allocated grew * by 16 MiB where 10MiB is allowed, *RTX 3060"])


@pytest.mark.usefixtures("updated")
def test_thresholds_of_the_file_that_are_for_cells_are_not_for_tests(run: Run, edit: Edit) -> None:
    edit(fail_on={"flops": 0, "trainable_params": 0, "load_peak_allocated": 0, "peak_allocated": 0, "other": 0})
    run(TWO).assert_outcomes(passed=2)
    result = run(MORE)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["peak allocated grew from 32 MiB to 48 MiB, *; also other by 16 MiB"])


@pytest.mark.usefixtures("updated")
def test_allocated_memory_is_named_first_though_reserved_memory_grew_more(run: Run) -> None:
    result = run(TWO.replace("need(32)", "kept = need(32), torch.empty(1, device='cuda')"))
    result.stdout.fnmatch_lines(
        ["peak allocated grew from 33,554,432 B to 33,554,944 B, by 512 B *; also peak reserved by 2.00 MiB"]
    )


def test_a_limit_on_what_forward_keeps_needs_a_backward_pass(run: Run) -> None:
    tests = TWO.replace("baseline\n", "baseline(fail_on='saved_for_backward:0')\n")
    result = run(tests, "--ladderscope-update")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["the test's body has no backward pass, so the marker's threshold on saved_for_*"])


@pytest.mark.usefixtures("updated")
def test_an_entry_for_another_gpu_is_not_compared(run: Run) -> None:
    result = run(TWO, "--ladderscope-gpu", "t4-16gb", "-k", "one")
    result.assert_outcomes(failed=1, deselected=1)
    result.stdout.fnmatch_lines(
        ["the baseline has this test predicted for rtx-3060-12gb, and it was predicted for t4-16gb: run it as *"]
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<<<<<<< ours", "*the baseline *ladderscope-baseline.json is not JSON (*): restore it from version control."),
        ('{"schema_version": 99}', "*it has schema version 99 and this ladderscope reads up to 1; upgrade *"),
        ('{"schema_version": 1, "fail_on": {"peak": "0"}}', "*unknown metric 'peak': *"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_session(run: Run, baseline: Path, text: str, sentence: str) -> None:
    baseline.write_text(text)
    for option in ((), ("--ladderscope-update",)):
        result = run(TWO, *option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {sentence}"])
        assert baseline.read_text() == text


def test_a_broken_file_is_nothing_to_those_who_do_not_use_it(run: Run, baseline: Path) -> None:
    baseline.write_text("<<<<<<< ours")
    assert run("def test_plain():\n    pass\n").ret == 0


def test_a_file_that_cannot_be_written_is_an_error_behind_the_results(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "file").write_text("no folder")
    result = run(TWO, "--ladderscope-update", "--ladderscope-baseline", "file/baseline.json")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["ERROR: cannot *baseline.json*"])
