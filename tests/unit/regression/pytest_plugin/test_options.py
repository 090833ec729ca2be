"""Options and ini keys of the plugin, and what it costs those who use none of it."""

from __future__ import annotations

import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from ladderscope.regression.baseline import FILE_NAME
from ladderscope.regression.pytest_plugin import options
from tests.unit.regression.pytest_plugin.conftest import Run

PASSES = "def test_plain():\n    pass\n"
NAME = """
def test_name(memory_trace):
    assert torch.cuda.get_device_name() == "NVIDIA L4"
"""


def test_the_defaults_are_those_of_the_commands() -> None:
    assert options.DEFAULT_BASELINE == FILE_NAME


def test_the_package_names_the_plugin_as_an_entry_point() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    plugin = import_module(project["entry-points"]["pytest11"]["ladderscope"])
    assert callable(plugin.pytest_addoption)
    assert callable(plugin.pytest_configure)


def test_ini_keys_mirror_the_options(run: Run, pytester: pytest.Pytester, baseline: Path) -> None:
    pytester.makeini(
        "[pytest]\nladderscope_gpu = l4-24gb\nladderscope_baseline = memory/of-tests.json\n"
        "ladderscope_fail_on =\n    peak_allocated:100%\n    peak_reserved:100%\n"
    )
    run(NAME).assert_outcomes(passed=1)
    test = "@pytest.mark.memory_baseline\ndef test_it():\n    need(32)\n"
    run(test, "--ladderscope-update").assert_outcomes(passed=1)
    assert (pytester.path / "memory" / "of-tests.json").exists()
    assert not baseline.exists()
    run(test.replace("32", "64")).assert_outcomes(passed=1)
    run(test.replace("32", "66")).assert_outcomes(failed=1)


def test_an_option_goes_before_its_ini_key(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nladderscope_gpu = t4-16gb\n")
    run(NAME, "--ladderscope-gpu", "l4-24gb").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("args", "ini", "sentence"),
    [
        (("--ladderscope-gpu", "l4-24"), "", "unknown GPU 'l4-24': did you mean 'l4-24gb'?"),
        (("--ladderscope-fail-on", "peak:0"), "", "unknown metric 'peak': *"),
        (("--ladderscope-fail-on", "peak_allocated"), "", "'peak_allocated' is no threshold: write METRIC:LIMIT, *"),
        (("--ladderscope-fail-on", "peak_allocated:x"), "", "'x' does not say how much peak_allocated may grow: *"),
        (("--ladderscope-fail-on", "load_peak_allocated:0"), "", "tests have no load_peak_allocated, so *: choose *"),
        ((), "ladderscope_fail_on = flops:0", "tests have no flops, so that threshold would never fail: choose *"),
        (
            ("--ladderscope-meter", "cuda", "--ladderscope-fail-on", "activations:0"),
            "",
            "measured tests have no activations, so * would never fail: choose from peak_allocated, peak_reserved.",
        ),
        ((), "ladderscope_meter = guess", "ladderscope_meter is 'guess': choose from predict, cuda."),
        ((), "ladderscope_gpu = l4-24", "unknown GPU 'l4-24': did you mean 'l4-24gb'?"),
    ],
)
def test_what_makes_no_sense_ends_the_session_in_a_sentence(
    run: Run, pytester: pytest.Pytester, args: tuple[str, ...], ini: str, sentence: str
) -> None:
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = run(PASSES, *args)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {sentence}"])


def test_help_and_strict_markers_know_it_all(run: Run) -> None:
    result = run(None, "--help")
    result.stdout.fnmatch_lines(
        [f"  --ladderscope-{name}*" for name in ("meter", "gpu", "baseline", "fail-on", "update")]
    )
    result.stdout.fnmatch_lines([f"  ladderscope_{name} (*" for name in ("meter", "gpu", "baseline", "fail_on")])
    markers = run(None, "--markers")
    markers.stdout.fnmatch_lines(["@pytest.mark.peak_memory(limit, *", "@pytest.mark.memory_baseline(*"])
    marked = '@pytest.mark.peak_memory("1 MiB")\ndef test_it():\n    need(1)\n'
    run(marked, "--strict-markers", "--strict-config").assert_outcomes(passed=1)


def test_a_session_that_uses_none_of_it_does_not_import_torch(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_plain():
            assert "ladderscope.regression.pytest_plugin" in sys.modules
            assert not {"torch", "numpy", "yaml", "transformers"} & set(sys.modules)
    """)
    result = run(None, subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*memory*")
