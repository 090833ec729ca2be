from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ladderscope.cli import run
from ladderscope.memory.allocator import CachingAllocator
from ladderscope.memory.allocator.layout import describe
from ladderscope.memory.replay import PREDICTED_BY, HistoryEvent, HistoryRecorder, write_snapshot
from ladderscope.units import MIB


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Two allocations, 30 MiB reserved."""
    recorder = HistoryRecorder()
    allocator = CachingAllocator(on_event=recorder)
    allocator.free(allocator.malloc(25 * MIB))
    allocator.malloc(30 * MIB - 100)
    allocator.empty_cache()
    write_snapshot(tmp_path / "run.pickle", describe(allocator), recorder.events)
    return tmp_path / "run.pickle"


@pytest.fixture
def inexact(tmp_path: Path) -> Path:
    """A run that took a new segment although a free one fitted."""
    recorder = HistoryRecorder()
    allocator = CachingAllocator(on_event=recorder)
    allocator.free(allocator.malloc(30 * MIB))
    allocator.malloc(40 * MIB)
    # Pretend that less was asked for.
    last = recorder.events[-1]
    recorder.events[-1] = HistoryEvent(last.action, last.address, 30 * MIB, last.stream)
    write_snapshot(tmp_path / "other.pickle", describe(allocator), recorder.events)
    return tmp_path / "other.pickle"


def test_json_is_a_list_of_results(snapshot: Path, inexact: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", str(snapshot), str(inexact), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first == {
        "trace": "run.pickle",
        "device": 0,
        "allocations": 2,
        "exact_addresses": 2,
        "segment_events": 3,
        "exact_segment_events": 3,
        "extra_segment_events": 0,
        "peak_allocated_bytes": 30 * MIB,
        "peak_reserved_bytes": 56 * MIB,
        "first_difference": None,
        "predicted": False,
        "exact": True,
    }
    assert (second["exact_addresses"], second["allocations"], second["exact"]) == (1, 2, False)
    assert second["first_difference"].startswith("at allocation 1: 31457280 bytes recorded at 0x")


@pytest.mark.parametrize("columns", [80, 160])
def test_the_table_fits_and_says_that_all_is_exact(
    columns: int, snapshot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long_name = snapshot.rename(snapshot.with_name("lm_medium_ctx512_training.json.gz"))
    assert run(["replay", str(long_name)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"lm_medium_ctx512_training.json.gz +all 2 +all 3 +30 MiB +56 MiB", out)
    assert "Every address and every segment event is exact." in out
    assert max(map(len, out.splitlines())) <= columns


@pytest.fixture
def predicted(snapshot: Path) -> Path:
    """The same history, as that of a prediction."""
    document = pickle.loads(snapshot.read_bytes()) | {PREDICTED_BY: "ladderscope"}
    path = snapshot.with_name("predicted.pickle")
    path.write_bytes(pickle.dumps(document))
    return path


def test_what_was_predicted_is_not_called_recorded(
    snapshot: Path, predicted: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert run(["replay", str(predicted)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].strip() == "Allocator model against predicted runs"
    assert "recorded" not in out
    assert "says that its file is whole, and nothing of a GPU" in out
    assert run(["replay", str(snapshot)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].strip() == "Allocator model against recorded runs"
    assert "predict" not in out
    assert run(["replay", str(snapshot), str(predicted)]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].strip() == "Allocator model against recorded runs and predicted runs"
    assert re.search(r"run.pickle +all 2", out)
    assert re.search(r"predicted.pickle \(predicted\) +all 2", out)
    assert run(["replay", str(snapshot), str(predicted), "--json"]) == 0
    assert [result["predicted"] for result in json.loads(capsys.readouterr().out)] == [False, True]


def test_an_inexact_replay_says_where_it_parts_and_still_succeeds(
    inexact: Path, snapshot: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    assert run(["replay", str(snapshot), str(inexact)]) == 0
    out = capsys.readouterr().out
    assert "1 of 2" in out
    assert "other.pickle is not exact: at allocation 1:" in out
    assert "Every address" not in out


@pytest.mark.parametrize("content", [None, b"hello", b"\x1f\x8b broken", pickle.dumps(Path), b"\x80\x04 broken"])
def test_wrong_input_is_one_sentence_and_exit_code_2(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.pickle"
    if content is not None:
        path.write_bytes(content)
    assert run(["replay", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("Error: ")
    assert "file.pickle" in line


def test_no_file_is_wrong_use() -> None:
    assert run(["replay"]) == 2


def test_torch_is_not_imported(snapshot: Path) -> None:
    code = f"""
import sys
from ladderscope.cli import run
assert run(["replay", {str(snapshot)!r}]) == 0
assert not {{"torch", "numpy", "transformers"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
