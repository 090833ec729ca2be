"""The example of the README runs as it is written, on the real model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.model
@pytest.mark.slow
def test_the_readme_example_runs_as_written(tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(example.splitlines()) <= 26
    run = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "trainable params: 1,8" in run.stdout
    assert {"adapter_config.json", "adapter_model.safetensors"} < {
        file.name for file in Path(tmp_path, "adapter").iterdir()
    }
    # Thirty steps on one sentence, learnt by heart.
    assert "A ladder has two rails and nine rungs." in run.stdout
