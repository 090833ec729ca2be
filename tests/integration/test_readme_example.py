"""The example of the README runs as it is written, on the real model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def run_as_written(example: str, folder: Path) -> subprocess.CompletedProcess[str]:
    run = subprocess.run([sys.executable, "-c", example], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run


@pytest.mark.model
def test_the_readme_example_runs_as_written(tmp_path: Path) -> None:
    tuning, _ = examples()
    assert len(tuning.splitlines()) <= 26
    run = run_as_written(tuning, tmp_path)
    assert "trainable params: 1,8" in run.stdout
    assert {"adapter_config.json", "adapter_model.safetensors"} < {
        file.name for file in Path(tmp_path, "adapter").iterdir()
    }
    # Thirty steps on one sentence, learnt by heart.
    assert "A ladder has two rails and nine rungs." in run.stdout


def test_the_example_of_a_prediction_runs_as_written(tmp_path: Path) -> None:
    _, prediction = examples()
    run = run_as_written(prediction, tmp_path)
    in_cuda, after = run.stdout.splitlines()
    assert after.startswith(f"{in_cuda} ")  # the script's own answer is the trace's
    assert (tmp_path / "snapshot.pickle").is_file()
