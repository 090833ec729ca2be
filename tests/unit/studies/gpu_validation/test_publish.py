from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ladderscope.ledger import Ledger, read_ledger
from ladderscope.records import Cell, Record
from studies.gpu_validation.kept_traces import Kept
from studies.gpu_validation.page import page
from studies.gpu_validation.publish import main

Make = Callable[..., Record]
MakeCell = Callable[..., Cell]
Write = Callable[..., Path]
RunPublish = Callable[..., int]


@pytest.fixture
def run_publish(tmp_path: Path) -> RunPublish:
    """Publishes these records from a folder as `run` leaves it."""

    def run(records: Sequence[Record]) -> int:
        out = tmp_path / "out"
        out.mkdir(exist_ok=True)
        with Ledger(out / "ledger.jsonl") as ledger:
            for record in records:
                ledger.append(record)
        folders = ["--reports", str(tmp_path / "reports"), "--traces", str(tmp_path / "kept")]
        return main([str(out), *folders, "--date", "2026-12-01"])

    return run


@pytest.fixture
def records(make_cell: MakeCell, measured: Make, predicted: Make) -> list[Record]:
    """Two cells of the headline on both sides, and one that did not fit."""
    sides = [
        side for method in ("qlora", "ladder") for side in (measured(make_cell(method)), predicted(make_cell(method)))
    ]
    full = make_cell("lora", seq_len=8192)
    oom = measured(full, status="oom", memory=None, error="CUDA out of memory")
    return [*sides, oom, predicted(full, status="oom")]


@pytest.fixture
def put_recording(tmp_path: Path, write_recording: Write) -> Callable[..., Path]:
    """Puts a recording into the folder of `run`, of a given cell and with so many bytes that do not compress."""

    def put(name: str, cell: Cell, extra_bytes: int = 0) -> Path:
        def change(document: dict[str, Any]) -> None:
            document["about"]["cell"] = cell.to_json()
            document["padding"] = os.urandom(extra_bytes).hex()  # half of it compresses away

        path = tmp_path / "out" / "traces" / f"{name}.json.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_recording(change).rename(path)

    return put


def test_a_report_is_named_by_hardware_and_date(
    run_publish: RunPublish, records: list[Record], tmp_path: Path
) -> None:
    assert run_publish(records) == 0
    folder = tmp_path / "reports" / "gpu_validation_h100-80gb_2026-12-01"
    assert read_ledger(folder / "ledger.jsonl") == records
    text = (folder / "README.md").read_text()
    assert text.startswith("# Predictions against NVIDIA H100 80GB HBM3\n")
    assert "torch 2.11.0+cu130" in text
    assert f"commit: {'a' * 40}\n" in text
    assert "### llama-2-7b, measured" in text
    assert "| peak allocated | at most 1.00% / 3.00% | met | 2 |" in text
    assert "| llama-2-7b lora r=16, 8,192 tokens, nf4-dq | out of memory on both sides | CUDA out of memory |" in text
    assert "agrees with the measurement on 3 of 3 cells" in text
    assert "predictions take 450 MiB" in text
    assert "rehearsal" not in text


def test_the_same_input_gives_the_same_page(run_publish: RunPublish, records: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "reports" / "gpu_validation_h100-80gb_2026-12-01" / "README.md"
    assert run_publish(records) == 0
    first = path.read_text()
    assert run_publish([]) == 0
    assert path.read_text() == first


@pytest.mark.parametrize("parts", [{"meter": "cpu", "gpu": None}, {"env": {"torch": "2.13.0+cpu"}}])
def test_what_no_gpu_measured_is_not_published(
    run_publish: RunPublish,
    make_cell: MakeCell,
    measured: Make,
    put_recording: Callable[..., Path],
    tmp_path: Path,
    parts: dict[str, Any],
) -> None:
    """A rehearsal on a CPU, and records that were made on the simulated GPU."""
    put_recording("simulated", make_cell())
    assert run_publish([measured(make_cell(), **parts)]) == 2
    assert not (tmp_path / "reports").exists()
    assert not (tmp_path / "kept").exists()


def test_the_page_of_a_rehearsal_compares_nothing(make_cell: MakeCell, measured: Make, predicted: Make) -> None:
    on_cpu = measured(make_cell(), meter="cpu", gpu=None)
    text = page([on_cpu, predicted(make_cell())], "2026-12-01", Kept([], []))
    assert text.splitlines()[0] == "> **A rehearsal on a CPU: nothing on this page was measured on a GPU.**"
    assert "| measured on a CPU | ok | 20.00 GiB | 1.0000 |" in text
    assert "| predicted for h100-80gb | ok | 20.00 GiB | – |" in text
    assert "records: 1 measured and 1 predicted" in text
    assert "predicted / measured" not in text


def test_without_a_measured_cell_there_is_nothing_to_publish(
    run_publish: RunPublish, make_cell: MakeCell, measured: Make, predicted: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = measured(make_cell(), status="error", memory=None, error="no")
    for records in ([predicted(make_cell())], [failed]):
        assert run_publish(records) == 2
        assert "holds no cell that a GPU measured: run python -m studies.gpu_validation.run" in capsys.readouterr().err


def test_two_gpus_do_not_make_one_report(
    run_publish: RunPublish,
    make_cell: MakeCell,
    measured: Make,
    put_recording: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    put_recording("a", make_cell())
    assert run_publish([measured(make_cell()), measured(make_cell("qst"), gpu="Tesla T4")]) == 2
    assert "keep the ledgers of different hardware apart" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()
    assert not (tmp_path / "kept").exists()


def test_recordings_are_kept_as_they_are(
    run_publish: RunPublish, records: list[Record], put_recording: Callable[..., Path], tmp_path: Path
) -> None:
    path = put_recording("qlora", records[0].cell)
    assert run_publish(records) == 0
    assert (tmp_path / "kept" / "h100-80gb" / "qlora.json.gz").read_bytes() == path.read_bytes()


def test_recordings_of_the_headline_come_first_and_large_ones_are_left_out(
    run_publish: RunPublish,
    records: list[Record],
    make_cell: MakeCell,
    put_recording: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    mib = 2**20
    put_recording("headline", records[0].cell, 3 * mib)
    put_recording("small", make_cell(seq_len=512), mib // 2)
    put_recording("large", make_cell(seq_len=4096), 2 * mib)
    put_recording("huge", make_cell(seq_len=8192), 4 * mib)
    assert run_publish(records) == 0
    there = sorted(path.name for path in (tmp_path / "kept" / "h100-80gb").iterdir())
    assert there == ["headline.json.gz", "small.json.gz"]
    output = capsys.readouterr().out
    assert "recordings kept: 2, left out: 2" in output
    assert output.index("left out: huge.json.gz") < output.index("left out: large.json.gz")
    text = (tmp_path / "reports" / "gpu_validation_h100-80gb_2026-12-01" / "README.md").read_text()
    assert "2 histories kept as test data. Left out, as there was no room, largest first: huge.json.gz (" in text


def test_recordings_of_other_hardware_count(
    run_publish: RunPublish, records: list[Record], put_recording: Callable[..., Path], tmp_path: Path
) -> None:
    other = tmp_path / "kept" / "a100-40gb" / "old.json.gz"
    other.parent.mkdir(parents=True)
    other.write_bytes(gzip.compress(json.dumps("").encode()) + bytes(4 * 2**20))
    put_recording("headline", records[0].cell, 2 * 2**20)
    assert run_publish(records) == 0
    assert not (tmp_path / "kept" / "h100-80gb" / "headline.json.gz").exists()
    assert other.exists()


def test_a_broken_recording_leaves_nothing_behind(
    run_publish: RunPublish, records: list[Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "out" / "traces" / "x.json.gz"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(gzip.compress(b"{}"))
    assert run_publish(records) == 2
    assert "x.json.gz" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()
