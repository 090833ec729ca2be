"""A clone in which someone tried what README.md shows has nothing to commit."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_OPTION = r"--(?:out|snapshot|figures|figure|junit) "
_CALL = r"save_(?:snapshot|pretrained)\(\""
_WRITTEN = re.compile(rf"(?:{_OPTION}|{_CALL})(?P<path>[\w./-]+)")


def git(*arguments: str) -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    told = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode in (0, 1), told.stderr
    return told.stdout.splitlines()


def test_what_readme_and_makefile_write_is_ignored() -> None:
    blocks = re.findall(r"```\w*\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    paths = {found["path"] for block in blocks for found in _WRITTEN.finditer(block)}
    assert {"runs.jsonl", "fit.json", "report/", "tuned/", "adapter", "snapshot.pickle"} <= paths
    wanted = sorted({*paths, "demo/runs.jsonl", "demo/report/report.html"})
    assert git("check-ignore", *wanted) == wanted


def test_no_file_of_the_project_is_ignored() -> None:
    assert git("ls-files", "--cached", "--ignored", "--exclude-standard") == []
