"""Errors that end a check are said on GitHub too, and none of them looks like a regression."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ladderscope.cli import run


@pytest.mark.parametrize("module", ["cli.check_run", "regression.baseline", "regression.request"])
def test_a_part_that_cannot_be_imported_is_no_regression(tmp_path: Path, module: str) -> None:
    # In a process of its own: imports that fail leave their traces.
    program = (
        f"import sys; sys.modules['ladderscope.{module}'] = None; from ladderscope.cli import run; "
        "sys.exit(run(['check', '--github', '--baseline', 'none.json']))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    assert ended.stdout.startswith("::error title=Memory check::the check itself failed (ModuleNotFoundError: ")
    assert "Traceback" in ended.stderr


def test_a_missing_baseline_is_annotated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--github", "--baseline", str(tmp_path / "none.json")]) == 3
    assert capsys.readouterr().out.startswith("::error title=Memory check::there is no baseline")
