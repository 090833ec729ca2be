from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from ladderscope.errors import UsageError
from ladderscope.records import Record
from ladderscope.scaling import FitSettings, ScalingFit, fit_scaling, print_fit, read_fit, write_fit

RunFactory = Callable[..., Record]


@pytest.fixture
def fit(make_run: RunFactory) -> ScalingFit:
    runs = [make_run(method=method, seed=seed, noise=0.02) for method in ("ladder", "qlora") for seed in range(4)]
    return fit_scaling(
        [*runs, make_run(method="lst", steps=2)], x="compute", y="loss", settings=FitSettings(resamples=20)
    )


def test_a_fit_survives_the_way_through_its_file(fit: ScalingFit, tmp_path: Path) -> None:
    path = tmp_path / "new" / "fit.json"
    write_fit(fit, path)

    assert read_fit(path) == fit
    assert [item.name for item in path.parent.iterdir()] == ["fit.json"]


def test_writing_again_replaces_the_file(fit: ScalingFit, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_text("old")
    write_fit(fit, path)

    assert read_fit(path) == fit


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 1}', '{"schema_version": 99}'])
def test_a_file_that_is_no_fit_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    path.write_text(content)

    with pytest.raises(UsageError, match=r"fit\.json is not a fit"):
        read_fit(path)


@pytest.mark.parametrize("width", [40, 80, 160])
def test_the_table_stays_inside_the_terminal(fit: ScalingFit, width: int) -> None:
    output = io.StringIO()
    print_fit(fit, Console(file=output, width=width))

    assert max(len(line) for line in output.getvalue().splitlines()) <= width
    for word in ("ladder", "qlora", "no equivalence test", "too few points"):
        assert word in " ".join(output.getvalue().split())
