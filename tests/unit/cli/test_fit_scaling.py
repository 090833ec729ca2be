from __future__ import annotations

import json
from pathlib import Path

import pytest

from ladderscope.cli import run
from ladderscope.ledger import Ledger
from ladderscope.records import Cell, Flops, Record
from ladderscope.scaling import ScalingFit, read_fit


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Two runs whose loss is 1 + C^-0.5 with C in teraFLOPs."""
    path = tmp_path / "runs.jsonl"
    with Ledger(path) as opened:
        for method in ("qlora", "ladder"):
            opened.append(
                Record(
                    cell=Cell(model="smollm2-135m", method=method, steps=20),
                    meter="cpu",
                    status="ok",
                    weights="pretrained",
                    flops=Flops(per_step=10**12, per_token=1.0, by_component={"head": 10**12}),
                    loss=[1 + step**-0.5 for step in range(1, 21)],
                    tokens_per_step=256,
                )
            )
    return path


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


def test_the_table_goes_to_stderr_and_the_fit_to_the_file(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fit.json"

    assert run(["fit-scaling", str(ledger), "--x", "compute", "--y", "loss", "--out", str(out)]) == 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "ladder" in captured.err
    assert "at least 4 are needed" in " ".join(captured.err.split())
    assert read_fit(out).groups[0].parameters["lambda"].value == pytest.approx(0.5, rel=1e-3)


def test_json_is_all_that_stands_on_stdout(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit-scaling", str(ledger), "--x", "tokens", "--json"]) == 0

    captured = capsys.readouterr()
    assert captured.err == ""
    fit = ScalingFit.from_json(json.loads(captured.out))
    assert (fit.x, [group.name for group in fit.groups]) == ("tokens", ["qlora", "ladder"])


def test_an_old_file_is_overwritten(ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit.json"
    out.write_text("old")

    assert run(["fit-scaling", str(ledger), "--out", str(out)]) == 0
    assert read_fit(out).y == "loss"


def test_a_ledger_without_points_is_no_error(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit-scaling", str(ledger), "--x", "seq-len", "--y", "peak-allocated"]) == 0
    assert "Left out: 2 because it has no memory." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "metod"], "unknown setting to group by 'metod': did you mean 'method'?"),
        (["--out", "."], "Choose another --out."),
        (["--out", "runs.jsonl/fit.json"], "Choose another --out."),
    ],
)
def test_a_wrong_request_ends_with_one_sentence(
    arguments: list[str],
    message: str,
    ledger: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ledger.parent)

    assert run(["fit-scaling", str(ledger), *arguments]) == 2
    assert message in only_line(capsys.readouterr().err)


def test_a_missing_ledger_ends_with_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit-scaling", str(tmp_path / "none.jsonl")]) == 2
    assert "cannot read the ledger" in only_line(capsys.readouterr().err)


def test_an_unknown_axis_lists_the_known_ones(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit-scaling", str(ledger), "--x", "time"]) == 2
    assert "'compute', 'tokens', 'params', 'trainable', 'seq-len'" in capsys.readouterr().err
