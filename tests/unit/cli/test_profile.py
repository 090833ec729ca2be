"""What `ladderscope profile` refuses, and the surface that must not change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ladderscope.cli import COMMANDS, run
from ladderscope.cli.profile_jobs import measured_jobs
from ladderscope.memory.cpu import CpuMeter
from ladderscope.records import SCHEMA_VERSION
from ladderscope.sweep.grid import resolve_cells

PROMISED = (
    "--model --method --rank --reduction --seq-len --batch-size --dtype --quantization --optimizer --loss-impl "
    "--gradient-checkpointing --lr --seed --meter --gpu --steps --data --out --jobs --timeout --force --json"
)

REFUSED = {
    "unknown model": (["--model", "smolm2-135m"], "did you mean 'smollm2-135m'"),
    "unknown architecture": (["--model", "random:llama-2-8b"], "did you mean 'random:llama-2-7b'"),
    "unknown method": (["--method", "qlra"], "did you mean 'qlora'"),
    "rank 0": (["--method", "qlora", "--rank", "0"], "at least 1"),
    "negative rank": (["--method", "qlora", "--rank", "-3"], "at least 1"),
    "reduction that does not divide": (
        ["--method", "ladder", "--reduction", "7"],
        "give --reduction 8, or one of 1, 2, 4, 16",
    ),
    "too long": (["--seq-len", "8193"], "at most 8192 tokens"),
    "missing data": (["--data", "absent.jsonl"], "give gsm-symbolic, random"),
    "missing grid": (["absent.yaml"], "cannot read the grid"),
    "unknown meter": (["--meter", "cupa"], "did you mean"),
    "quantised full fine-tuning": (["--method", "full", "--quantization", "nf4"], "use none"),
    "paged optimizer on a cpu": (["--optimizer", "paged-adamw-8bit", "--meter", "cpu"], "adamw-8bit"),
    "text for random weights": (["--model", "random:tiny-llama", "--data", "gsm-symbolic"], "--data random"),
    "gpu without prediction": (["--gpu", "rtx-3060-12gb"], "give --meter predict with it"),
    "prediction without gpu": (["--meter", "predict"], "needs --gpu"),
    "generation without prediction": (["--generate", "8"], "give --meter predict, or leave --generate out"),
    "a prompt without room": (["--seq-len", "8190", "--generate", "8"], "at most 8192 tokens, fewer than a prompt"),
    "history without a gpu": (["--meter", "cpu", "--history", "traces"], "give --meter cuda with it"),
    "history of a prediction": (["--meter", "predict", "--gpu", "t4-16gb", "--history", "traces"], "--meter cuda"),
    "unknown executor": (["--executor", "rai"], "did you mean 'ray'"),
    "an option of another executor": (["--slurm-partition", "gpu"], "give that with it"),
    "a file of options for no engine": (["--executor-config", "ray.yaml"], "give --executor too"),
    "options that are not there": (["--executor", "ray", "--executor-config", "absent.yaml"], "cannot read"),
    "no cores": (["--executor", "ray", "--ray-cpus", "0"], "at least 1"),
    "a meter that looks at this machine": (["--executor", "slurm"], "give --meter cuda, cpu or predict"),
    "unknown gpu": (["--meter", "predict", "--gpu", "rtx-3060"], "did you mean 'rtx-3060-12gb'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_wishes_end_with_2_and_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = REFUSED[case]
    assert run(["profile", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    errors = [line for line in captured.err.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert not list(tmp_path.iterdir())


def test_an_unknown_key_in_the_grid_proposes_the_right_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text("model: smollm2-135m\nmetod: qlora\n")
    assert run(["profile", str(grid), "--out", str(tmp_path / "runs.jsonl")]) == 2
    assert "did you mean 'method'" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["not a ledger\n", json.dumps({"schema_version": SCHEMA_VERSION + 1}) + "\n"])
def test_a_ledger_that_cannot_be_used_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    ledger = tmp_path / "runs.jsonl"
    ledger.write_text(content)
    assert run(["profile", "--model", "random:tiny-llama", "--method", "full", "--out", str(ledger)]) == 2
    assert str(ledger) in capsys.readouterr().err
    assert ledger.read_text() == content


def test_a_ledger_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    out = str(tmp_path / "file" / "runs.jsonl")
    assert run(["profile", "--model", "random:tiny-llama", "--method", "full", "--out", out]) == 2
    assert "Choose another --out" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_in_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert f"ladderscope {command} " in capsys.readouterr().out.split("Examples:")[1]


def test_the_promised_options_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "--help"]) == 0
    text = capsys.readouterr().out
    assert [option for option in PROMISED.split() if f"{option} " not in text.replace("\n", " ")] == []


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert "ladderscope" in capsys.readouterr().out


def test_an_unknown_command_ends_with_2() -> None:
    assert run(["profil"]) == 2


@pytest.mark.parametrize(("granted", "slots", "threads"), [("1", 1, 1), ("4", 2, 2), ("4", 8, 1)])
def test_cells_share_the_threads_that_the_user_grants(
    granted: str, slots: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", granted)
    cells = resolve_cells({"model": ["random:tiny-llama"], "method": ["full"]})
    (job,) = measured_jobs(cells, CpuMeter(), slots)
    assert job.num_threads == threads


@pytest.mark.parametrize("command", ["profile", "plan", "explain", "check"])
def test_help_says_how_a_gpu_is_described(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "12GiB:sm86 is any GPU with 12 GiB of compute capability 8.6" in text
