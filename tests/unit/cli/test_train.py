"""What `ladderscope train` prints, refuses and returns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ladderscope.cli import run

PROMISED = (
    "--model --method --data --out --rank --reduction --seq-len --batch-size --gradient-accumulation --dtype "
    "--quantization --optimizer --lr --loss-impl --gradient-checkpointing --seed --epochs --steps --schedule "
    "--warmup-ratio --weight-decay --max-grad-norm --eval-fraction --eval-data --eval-every --save-every --keep "
    "--resume --no-resume --force --json"
)

SHORT = ["--method", "lora", "--rank", "2", "--seq-len", "64", "--dtype", "fp32", "--steps", "3"]


@pytest.fixture
def arguments(tiny_folder: Path, sums_file: Path, tmp_path: Path) -> list[str]:
    return ["train", "--model", str(tiny_folder), "--data", str(sums_file), *SHORT, "--out", str(tmp_path / "out")]


def test_the_promised_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["train", "--help"]) == 0
    words = capsys.readouterr().out.split()
    assert [option for option in PROMISED.split() if option not in words] == []


def test_standard_output_is_the_metrics_and_nothing_else(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--json"]) == 0
    captured = capfd.readouterr()
    metrics = json.loads(captured.out)
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert metrics["eval_loss"] == record["eval_loss"]
    assert metrics["train_loss"] == {"first": record["steps"][0]["loss"], "last": record["steps"][-1]["loss"]}
    assert (metrics["steps"], metrics["method"], metrics["out"]) == (3, "lora", str(tmp_path / "out"))

    assert run([*arguments, "--json"]) == 0
    again = capfd.readouterr()
    assert json.loads(again.out) == metrics
    assert "already trained" in again.err


def test_standard_error_has_losses_and_no_noise(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    captured = capfd.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert [line.split(":")[0] for line in lines[:-1]] == [
        "held-out loss after 0 steps",
        "step 1/3",
        "step 2/3",
        "step 3/3",
        "held-out loss after 3 steps",
    ]
    assert "3 steps in" in lines[-1]


def test_a_flag_beats_the_settings_file(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("steps: 2\nseed: 3\neval-fraction: 0\n")
    arguments[1:1] = [str(config)]
    assert run(arguments) == 0
    settings = json.loads((tmp_path / "out" / "training.json").read_text())["settings"]
    assert (settings["steps"], settings["seed"], settings["eval_fraction"]) == (3, 3, 0)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--method", "laddr"], "did you mean 'ladder'"),
        (["--schedule", "linaer"], "did you mean 'linear'"),
        (["--epochs", "1"], "not both"),
        (["--data", "absent.jsonl"], "unknown data"),
        (["--model", "random:tiny-llama"], "random weights"),
        (["--rank", "0"], "at least 1"),
        (["absent.yaml"], "cannot read the settings"),
    ],
)
def test_impossible_wishes_end_with_2_and_one_sentence(
    extra: list[str], message: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, *extra]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert len([line for line in captured.err.splitlines() if line.startswith("Error:")]) == 1
    assert not (tmp_path / "out").exists()


def test_a_model_without_a_tokenizer_ends_with_2(
    arguments: list[str], tiny_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bare").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "bare" / name).write_bytes((tiny_folder / name).read_bytes())
    assert run([*arguments, "--model", str(tmp_path / "bare")]) == 2
    assert "without a tokenizer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory: lower --batch-size"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_fails_on_the_way_ends_with_1_and_one_sentence(
    failure: Exception,
    message: str,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    monkeypatch.setattr("ladderscope.finetune.trainer.CellTrainer.compute_loss", fail)
    assert run(arguments) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
