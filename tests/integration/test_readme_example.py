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


@pytest.mark.model
def test_the_readme_example_runs_as_written(tmp_path: Path) -> None:
    tuning, _ = examples()
    assert len(tuning.splitlines()) <= 26
    run = subprocess.run([sys.executable, "-c", tuning], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "trainable params: 1,8" in run.stdout
    assert {"adapter_config.json", "adapter_model.safetensors"} < {
        file.name for file in Path(tmp_path, "adapter").iterdir()
    }
    # Thirty steps on one sentence, learnt by heart.
    assert "A ladder has two rails and nine rungs." in run.stdout


def test_the_example_of_a_prediction_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, prediction = examples()
    monkeypatch.chdir(tmp_path)
    exec(compile(prediction, "README.md", "exec"), {"__name__": "__main__"})
    in_cuda, after = capsys.readouterr().out.splitlines()
    assert after.startswith(f"{in_cuda} ")  # the script's own answer is the trace's
    assert (tmp_path / "snapshot.pickle").is_file()
