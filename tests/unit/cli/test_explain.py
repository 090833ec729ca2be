from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ladderscope.cli import run
from ladderscope.ledger import Ledger
from ladderscope.memory.replay import read_traces, replay
from ladderscope.records import Record
from ladderscope.sweep.grid import resolve_cells

TINY = ["explain", "--model", "random:tiny-llama", "--seq-len", "32"]


def total(node: dict[str, Any], name: str = "bytes") -> int:
    """Bytes of the leaves below a node, which every level on the way has to agree with."""
    if node["children"]:
        assert sum(total(child, name) for child in node["children"]) == node[name]
    return int(node[name])


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "runs.jsonl"
    cells = resolve_cells({"model": ["random:tiny-llama"], "method": ["lora", "ladder"], "seq_len": [32]})
    with Ledger(path) as open_ledger:
        for cell in cells:
            open_ledger.append(Record(cell=cell, meter="cpu", status="ok"))
    return path


def test_json_holds_the_whole_tree_in_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "--method", "lora", "--top", "2", "--json"]) == 0
    captured = capsys.readouterr()
    values = json.loads(captured.out)
    assert captured.err.count("predicting") == 0  # no terminal, no bar
    assert set(values) == {
        "predicted", "cell_id", "cell", "gpu", "phase", "fits", "too_large_elsewhere", "peak_allocated_bytes",
        "peak_reserved_bytes", "peak_at", "tree", "top", "unverified",
    }  # fmt: skip
    assert values["predicted"] is True
    assert (values["cell"]["method"], values["gpu"]["name"], values["phase"]) == (
        "lora",
        "rtx-3060-12gb",
        "steady step",
    )
    assert total(values["tree"]) == values["peak_allocated_bytes"] <= values["peak_reserved_bytes"]
    assert len(values["top"]) == 2
    assert set(values["top"][0]) == {
        "phase", "module", "operation", "bytes", "block_bytes", "category", "shape",
    }  # fmt: skip


def test_json_of_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "--method", "qlora", "--method", "ladder", "--diff", "--depth", "2", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    difference = values["difference"]
    assert (values["a"]["cell"]["method"], values["b"]["cell"]["method"]) == ("qlora", "ladder")
    assert total(difference, "a_bytes") == values["a"]["peak_allocated_bytes"]
    assert total(difference, "b_bytes") == values["b"]["peak_allocated_bytes"]
    assert total(difference, "difference_bytes") == difference["b_bytes"] - difference["a_bytes"]
    assert all(not block["children"] for category in difference["children"] for block in category["children"])


@pytest.mark.parametrize("columns", [60, 80, 160])
@pytest.mark.parametrize("more", [["--top", "3"], ["--method", "ladder", "--diff"]])
def test_the_text_fits_and_says_that_it_is_predicted(
    columns: int, more: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run([*TINY, "--method", "lora", *more]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert re.search(r"peak allocated +[\d.]+ [KMG]iB", out)
    assert re.search(r"model\.layers\S* \(x4\)", out)
    flowing = " ".join(out.split())
    assert "predicted for NVIDIA GeForce RTX 3060" in flowing
    assert "All of it is predicted. Not verified: " in flowing


def test_a_model_that_does_not_fit_is_explained_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "--method", "lora", "--batch-size", "64", "--gpu", "0.46GiB:sm86"]) == 0
    assert "Does not fit" in capsys.readouterr().out


def test_a_phase_that_fits_does_not_hide_another_that_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    cell = ["--model", "random:smollm2-135m", "--method", "ladder", "--seq-len", "256", "--gpu", "1GiB:sm86"]
    assert run(["explain", *cell, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["phase"], values["fits"], list(values["too_large_elsewhere"])) == (
        "steady step",
        True,
        ["evaluation"],
    )
    assert values["too_large_elsewhere"]["evaluation"] > values["gpu"]["usable_bytes"]
    assert run(["explain", *cell]) == 0
    flowing = " ".join(capsys.readouterr().out.split())
    assert re.search(r"Fits into .* What does not fit: evaluation \(\d+ MiB reserved\); see --phase\.", flowing)


def test_figure_and_snapshot_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figure, snapshot = tmp_path / "memory.png", tmp_path / "step.pickle"
    assert run([*TINY, "--figure", str(figure), "--snapshot", str(snapshot), "--json"]) == 0
    captured = capsys.readouterr()
    assert figure.read_bytes().startswith(b"\x89PNG")
    (result,) = [replay(trace) for trace in read_traces(snapshot)]
    assert result.is_exact
    assert result.allocations > 1000
    assert result.peak_allocated_bytes >= json.loads(captured.out)["peak_allocated_bytes"]
    assert f"Wrote {figure}" in captured.err


def test_a_phase_may_be_written_with_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "--method", "lora", "--phase", "first-step", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["phase"] == "first step"


def test_generation_is_of_32_tokens_unless_said_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    cells = []
    for more in ([], ["--generate", "2"]):
        assert run([*TINY, "--method", "full", "--phase", "generation", *more, "--json"]) == 0
        values = json.loads(capsys.readouterr().out)
        assert values["phase"] == "generation"
        assert total(values["tree"]) == values["peak_allocated_bytes"]
        cells.append(values["cell"])
    assert [cell["generate"] for cell in cells] == [32, 2]


def test_generation_by_the_cell_of_a_record(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cell_id,) = (json.loads(line)["cell_id"] for line in ledger.read_text().splitlines() if '"lora"' in line)
    assert run(["explain", "--record", f"{ledger}#{cell_id}", "--phase", "generation"]) == 0
    assert "Generation: " in capsys.readouterr().out


def test_the_cell_of_a_record(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (cell_id,) = (json.loads(line)["cell_id"] for line in ledger.read_text().splitlines() if '"ladder"' in line)
    assert run(["explain", "--record", f"{ledger}#{cell_id[:8]}", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["cell_id"], values["cell"]["method"]) == (cell_id, "ladder")


REFUSED = {
    "unknown model": (["--model", "smolm2-135m"], "did you mean 'smollm2-135m'"),
    "unknown method": (["--method", "qlra"], "did you mean 'qlora'"),
    "rank 0": (["--rank", "0"], "at least 1"),
    "quantised full fine-tuning": (["--method", "full", "--quantization", "nf4"], "use none"),
    "unknown gpu": (["--gpu", "rtx-3060"], "did you mean 'rtx-3060"),
    "generation without room": (
        ["--model", "random:tiny-llama", "--seq-len", "500", "--phase", "generation"],
        "a prompt of 500 and 32 new ones",
    ),
    "unknown phase": (["--phase", "second step"], "steady step"),
    "several cells": (["--method", "lora", "--method", "ladder"], "compare two with --diff"),
    "both values of a flag": (["--gradient-checkpointing", "--no-gradient-checkpointing"], "give 2 cells"),
    "a difference of one": (["--method", "lora", "--diff"], "the options give 1: give two values to one option"),
    "a difference of three": (["--rank", "1", "--rank", "2", "--rank", "3", "--diff"], "the options give 3"),
    "a figure of no kind": (["--figure", "memory.pdf"], "ends with .png or .svg"),
    "a snapshot of two": (["--rank", "1", "--rank", "2", "--diff", "--snapshot", "a.pickle"], "leave --diff out"),
    "a missing ledger": (["--record", "absent.jsonl"], "cannot read the ledger absent.jsonl"),
    "depth 0": (["--depth", "0"], "--depth"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_use_ends_with_2_and_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, message = REFUSED[case]
    assert run(["explain", *arguments]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert len([line for line in captured.err.splitlines() if line.startswith("Error:")]) == 1
    assert not list(tmp_path.iterdir())


def test_a_ledger_of_several_cells_says_how_to_choose(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [json.loads(line)["cell_id"] for line in ledger.read_text().splitlines()]
    assert run(["explain", "--record", str(ledger)]) == 2
    error = capsys.readouterr().err
    assert f"holds 2 cells: name one, as in --record {ledger}#CELL_ID" in error
    assert all(cell_id in error for cell_id in ids)
    assert run(["explain", "--record", f"{ledger}#ffff-none"]) == 2
    assert "holds no cell ffff-none" in capsys.readouterr().err


def test_the_cell_of_a_record_in_one_of_several_ledgers(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cells = resolve_cells({"model": ["random:tiny-llama"], "method": ["full"], "seq_len": [32]})
    with Ledger(ledger.with_name("runs-2.jsonl")) as other:
        other.append(Record(cell=cells[0], meter="cpu", status="ok"))
    pattern = str(ledger.with_name("runs*.jsonl"))

    assert run(["explain", "--record", f"{pattern}#{cells[0].cell_id[:8]}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cell"]["method"] == "full"

    assert run(["explain", "--record", pattern]) == 2
    assert f"{pattern} holds 3 cells: name one" in capsys.readouterr().err


def test_a_record_leaves_no_choice_of_cell(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explain", "--record", str(ledger), "--batch-size", "2"]) == 2
    assert "leave --batch-size out" in capsys.readouterr().err


def test_of_several_gpus_the_fullest_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    sharded = [*TINY, "--method", "full", "--parallel", "fsdp", "--num-gpus", "3"]  # 512 rows are not 3 equal parts
    assert run([*sharded, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    peaks = [rank["peak_allocated_bytes"] for rank in values["ranks"]]
    assert len(peaks) == 3
    assert values["peak_allocated_bytes"] == max(peaks) > min(peaks)

    assert run([*sharded, "--depth", "1"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Rank 0 of 3 is explained, whose steady step has the highest peak; the lowest, of rank 2, is " in said


def test_gpus_that_need_the_same_are_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "--method", "lora", "--parallel", "ddp", "--num-gpus", "2", "--depth", "1"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Rank 0 of 2 is explained; at a steady step all of them have the same peak." in said
