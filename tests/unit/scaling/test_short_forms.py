"""What a script may write in short, and what it is told where it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling import (
    FitSettings,
    Points,
    ScalingFit,
    TableRequest,
    fit_law,
    fit_scaling,
    predict,
    print_fit,
    read_fit,
    read_table,
    write_fit,
)

QUICK = FitSettings(resamples=0, profiles=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "runs.csv"
    rows = [f"{m}{i},{m},{10**i},{2 * 10 ** (-i / 4)}" for m in ("lora", "qlora") for i in range(1, 7)]
    path.write_text("\n".join(["run,method,C,loss", *rows]))
    return path


@pytest.fixture
def fit(path: Path) -> ScalingFit:
    return fit_scaling(read_table(path), x="compute", law="power", settings=QUICK, compare="lora:qlora")


def test_one_path_and_texts_are_paths(path: Path, fit: ScalingFit) -> None:
    for paths in (path, str(path), [str(path)]):
        assert len(read_table(paths).frame) == 12
    out = str(path.parent / "fit.json")

    write_fit(fit, out)

    assert read_fit(out) == fit


def test_names_may_be_one_text(path: Path, fit: ScalingFit) -> None:
    assert TableRequest(x="N,D", where="N > 1") == TableRequest(x=("N", "D"), where=("N > 1",))
    assert [(pair.first, pair.second) for pair in fit.comparisons] == [("lora", "qlora")]
    assert fit_law("power", Points.of([1.0, 2.0, 4.0], [4.0, 2.0, 1.0])).values["lambda"] == pytest.approx(1.0)


def test_a_prediction_of_a_fit_of_several_groups_names_one(fit: ScalingFit) -> None:
    assert predict(fit, [1e4], group="lora")[0] == pytest.approx([0.2])
    with pytest.raises(UsageError, match="has 2 groups: name one with group=, of lora, qlora"):
        predict(fit, [1e4])
    with pytest.raises(UnknownNameError, match="did you mean 'lora'"):
        predict(fit, [1e4], group="lra")


def test_a_fit_is_printed_to_standard_output(fit: ScalingFit, capsys: pytest.CaptureFixture[str]) -> None:
    print_fit(fit)

    assert "qlora" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"confidence": 95}, "confidence 95 is not a share: give one above 0 and below 1"),
        ({"margin": 0}, "margin 0 is not a share"),
        ({"starts": 0}, "starts 0 is not a whole number of at least 1"),
        ({"resamples": -1}, "resamples -1 is not a whole number"),
        ({"objective": "ols"}, r"write Objective\(kind='ols'\)"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FitSettings(**settings)


def test_what_is_no_pair_and_no_mapping_is_refused(path: Path) -> None:
    with pytest.raises(UsageError, match="'lora' is not two methods"):
        fit_scaling(read_table(path), compare=("lora", "qlora"))
    with pytest.raises(UsageError, match="columns are a mapping"):
        TableRequest(columns="N=params")  # type: ignore[arg-type]
