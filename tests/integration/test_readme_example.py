"""The example of the README runs as it is written, on the real model."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

README = Path(__file__).parents[2] / "README.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.model
def test_the_readme_example_runs_as_written(tmp_path: Path) -> None:
    tuning, *_ = examples()
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
    _, prediction, *_ = examples()
    monkeypatch.chdir(tmp_path)
    exec(compile(prediction, "README.md", "exec"), {"__name__": "__main__"})
    in_cuda, after = capsys.readouterr().out.splitlines()
    assert after.startswith(f"{in_cuda} ")  # the script's own answer is the trace's
    assert (tmp_path / "snapshot.pickle").is_file()


def test_the_example_of_a_memory_test_runs_as_written(pytester: pytest.Pytester) -> None:
    _, _, memory_test, _ = examples()
    pytester.makepyfile(test_readme=memory_test)
    pytester.runpytest_inprocess("--strict-markers").assert_outcomes(passed=1)
    pytester.makepyfile(test_readme=memory_test.replace("1.5 GiB", "64 MiB"))
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["peak of * allocated is above the limit of 64 MiB by *, predicted for *"])


def test_the_example_of_a_scaling_fit_runs_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    *_, scaling = examples()
    rng = np.random.default_rng(0)
    rows = [
        (method, f"{method}-{run}", compute, (1.5 + 30 * (compute / times) ** -0.1) * np.exp(0.001 * rng.normal()))
        for method, times in (("qlora", 1.0), ("ladder", 1.4))
        for run, size in enumerate(np.geomspace(1e13, 1e16, 6))
        for compute in size * np.geomspace(0.1, 1, 5)
    ]
    pd.DataFrame(rows, columns=["method", "run", "flops", "loss"]).to_csv(tmp_path / "runs.csv", index=False)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}

    exec(compile(scaling, "README.md", "exec"), names)

    assert "ladder and qlora: equivalent" in capsys.readouterr().out
    assert names["low"][0] < 1.5 + 30 * 1e18**-0.1 < names["high"][0]
