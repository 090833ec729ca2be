"""What `ladderscope plan` prints and refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ladderscope.cli import run

TIGHT = ["--model", "tiny-llama", "--gpu", "0.5GiB:sm86", "--method", "lora", "--rank", "1", "--seq-len", "64"]

REFUSED = {
    "no gpu": (["--model", "tiny-llama"], "which GPU?"),
    "unknown gpu": (["--gpu", "rtx-3060"], "did you mean 'rtx-3060-12gb'"),
    "gpu without room": (["--gpu", "0.4GiB:sm86"], "has no room beside CUDA itself"),
    "unknown architecture": (["--gpu", "12GiB:sm99"], "unknown GPU architecture sm99: choose from sm70, "),
    "decimal unit": (["--gpu", "12GB:sm86"], "did you mean '12GiB:sm86'?"),
    "more than any GPU has": (["--gpu", "99999GiB:sm86"], "give at most 4096"),
    "unknown model": (["--gpu", "t4-16gb", "--model", "llama-2-8b"], "did you mean 'llama-2-7b'"),
    "unknown method": (["--gpu", "t4-16gb", "--method", "qlra"], "did you mean 'qlora'"),
    "too long": (["--gpu", "t4-16gb", "--model", "tiny-llama", "--seq-len", "513"], "at most 512 tokens"),
    "quantised lora": (["--gpu", "t4-16gb", "--method", "lora", "--quantization", "nf4"], "use none"),
    "steps without lengths": (["--gpu", "t4-16gb", "--steps", "10"], "give their --lengths too"),
    "no steps": (["--gpu", "t4-16gb", "--lengths", "128:256", "--steps", "0"], "at least 1 step"),
    "range backwards": (["--gpu", "t4-16gb", "--lengths", "256:128"], "give 128:256"),
    "seq-len backwards": (["--gpu", "t4-16gb", "--seq-len", "256:128"], "give 128:256"),
    "seq-len of no kind": (["--gpu", "t4-16gb", "--seq-len", "128:"], "neither a number of tokens nor a range"),
    "two ranges": (["--gpu", "t4-16gb", "--seq-len", "1:9", "--lengths", "2:8"], "both say how long rows are"),
    "no such lengths": (["--gpu", "t4-16gb", "--lengths", "lengths.txt"], "there is no file lengths.txt"),
    "lengths too long": ([*TIGHT[:4], "--lengths", "500:600"], "88 of 101 lengths in 500:600 are longer"),
    "several gpus and lengths": (["--gpu", "t4-16gb", "--num-gpus", "2", "--lengths", "1:9"], "of one GPU: leave"),
    "several gpus, not shared": (["--gpu", "t4-16gb", "--num-gpus", "2"], "2 GPUs need --parallel"),
    "batch of none": (["--gpu", "t4-16gb", "--batch-size", "0"], "at least 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_impossible_wishes_end_with_2_and_one_sentence(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, message = REFUSED[case]
    assert run(["plan", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert len([line for line in captured.err.splitlines() if line.startswith("Error:")]) == 1


def test_the_gpus_are_listed_with_what_cuda_reports(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert run(["plan", "--list-gpus"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"rtx-3060-12gb +11.65 GiB +11.21 GiB +8.6 +NVIDIA GeForce RTX 3060", out)
    assert re.search(r"a10-24gb +24.00 GiB\*", out)
    assert run(["plan", "--list-gpus", "--json"]) == 0
    gpus = {gpu["name"]: gpu for gpu in json.loads(capsys.readouterr().out)}
    assert gpus["rtx-3060-12gb"]["memory_bytes"] == 11931 * 2**20
    assert all(0 < gpu["usable_bytes"] < gpu["memory_bytes"] for gpu in gpus.values())


def test_json_holds_bytes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ladderscope.planning.plan.MOST_ROWS", 2)
    assert run(["plan", *TIGHT, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["complete"] is True
    (plan,) = values["plans"]
    assert plan["cell"]["model"] == "random:tiny-llama"
    assert plan["gpu"]["usable_bytes"] == 62 * 2**20
    assert plan["asked"]["fits"] is True
    assert plan["asked"]["headroom_bytes"] == plan["gpu"]["usable_bytes"] - plan["asked"]["peak_reserved_bytes"]
    assert (plan["largest_batch"]["value"], plan["largest_batch"]["next_value"]) == (2, None)
    savings = [change["saved_bytes"] for change in plan["changes"]]
    assert savings == sorted(savings, reverse=True)


def test_padded_batches_in_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    lengths = tmp_path / "lengths.csv"
    lengths.write_text("length,rows\n30,3\n80,1\n", encoding="utf-8")
    arguments = [*TIGHT, "--batch-size", "2", "--lengths", str(lengths), "--steps", "5", "--json"]
    assert run(["plan", *arguments]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["complete"] is True
    assert values["run"] == {
        "rows": 4,
        "rows_cut": 1,
        "shortest": 30,
        "longest": 64,
        "rows_per_batch": 2,
        "batches_per_step": 1,
        "steps": 5,
        "padded_median": 30,
        "padded_99th_percentile": 64,
        "expected_longest": pytest.approx(64 - 34 * 0.75**10),
    }
    (plan,) = values["plans"]
    assert plan["cell"]["seq_len"] == 64
    assert plan["at_median"]["peak_allocated_bytes"] <= plan["at_longest"]["peak_allocated_bytes"]
    assert (plan["longest_that_fits"]["value"], plan["cut_at"], plan["rows_to_cut"]) == (64, 64, 0)
    assert plan["chance_step_runs_out"] == plan["chance_run_runs_out"] == 0
    assert plan["varied_order"]["fits"] is True
    assert max(plan["varied_order"]["lengths"]) == 64


def test_a_range_of_row_lengths_plans_padded_batches_by_either_name(capsys: pytest.CaptureFixture[str]) -> None:
    printed = []
    for option in ("--seq-len", "--lengths"):
        assert run(["plan", *TIGHT[:-2], option, "60:64", "--json"]) == 0
        printed.append(json.loads(capsys.readouterr().out))
    by_seq_len, by_lengths = printed
    assert by_seq_len["run"] == by_lengths["run"]
    assert (by_seq_len["run"]["shortest"], by_seq_len["run"]["longest"]) == (60, 64)
    assert by_seq_len["plans"] == by_lengths["plans"]


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_an_interrupted_plan_prints_what_is_known_and_ends_with_130(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("ladderscope.planning.plan.largest_that_fits", lambda *args, **kwargs: interrupt())
    assert run(["plan", *TIGHT]) == 130
    captured = capsys.readouterr()
    assert re.search(r"lora r=1 +yes +\d+ MiB", captured.out)
    assert "predicted, none is measured" in " ".join(captured.out.split())
    assert max(map(len, captured.out.splitlines())) <= columns
    assert "Interrupted: what was known" in captured.err
