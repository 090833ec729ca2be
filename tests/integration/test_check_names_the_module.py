"""The promise of ``ladderscope check``, on a copy of the project: what regressed is named, and nothing else fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ladderscope

PROJECT = Path(ladderscope.__file__).parents[1]
BASELINE = "ladderscope-baseline.json"
BLOCKS = Path("ladderscope/methods/side/blocks.py")
SOUND = "    return block\n\n\ndef _fill_own_parameters"
KEEPS_A_HIDDEN_STATE = """    if index == 2:
        run: Any = block.forward

        def keep_and_run(stream: Tensor, *args: Any, **kwargs: Any) -> Any:
            kept.append(stream * 1)
            del kept[:-1]
            return run(stream, *args, **kwargs)

        kept: list[Tensor] = []
        block.forward = keep_and_run
"""


class Copy:
    """A copy of the package and its baseline, whose ``check`` is run in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PROJECT / "ladderscope", folder / "ladderscope", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT / BASELINE, folder)

    def edit(self, old: str, new: str) -> None:
        text = (self.folder / BLOCKS).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (self.folder / BLOCKS).write_text(text.replace(old, new), encoding="utf-8")

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ladderscope", "check", "--select", "model=random:gpt2,method=ladder"]
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "COLUMNS": "120", "OMP_NUM_THREADS": "1"}
        environment.pop("GITHUB_ACTIONS", None)
        return subprocess.run(
            [*command, *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_a_side_block_that_keeps_a_hidden_state_is_named(copy: Copy) -> None:
    copy.edit(SOUND, KEEPS_A_HIDDEN_STATE + SOUND)
    found = copy.check()
    assert found.returncode == 1, found.stderr
    assert "side_network.blocks.2" in found.stdout
    assert "activations" in found.stdout
    assert "side_network.blocks.3" not in found.stdout

    copy.edit(KEEPS_A_HIDDEN_STATE + SOUND, SOUND)
    reverted = copy.check()
    assert reverted.returncode == 0, reverted.stdout + reverted.stderr

    (copy.folder / BASELINE).unlink()
    without = copy.check()
    assert without.returncode == 3
    assert f"there is no baseline {BASELINE}" in without.stderr


def test_a_typo_in_a_metric_is_wrong_use(copy: Copy) -> None:
    typo = copy.check("--fail-on", "peak_alocated:0")
    assert typo.returncode == 2
    assert typo.stderr == "Error: unknown metric 'peak_alocated': did you mean 'peak_allocated'?\n"
