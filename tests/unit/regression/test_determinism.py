"""The same versions give the same bytes, whatever machine, folder, language or hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ladderscope.regression.baseline import read_baseline

PROGRAM = """
import sys
from ladderscope.predict import predict_cell
from ladderscope.records import Cell
from ladderscope.regression.baseline import Baseline, text_of
from ladderscope.regression.take import entry_of

CELLS = [
    Cell(model="random:tiny-llama", method="ladder", reduction_factor=4, seq_len=64, data="random"),
    Cell(model="random:tiny-gpt2", method="full", seq_len=32, data="random", optimizer="adamw-8bit"),
    Cell(model="random:tiny-llama", method="qlora", rank=4, seq_len=64, data="random", quantization="nf4"),
]
order = CELLS if sys.argv[1] == "forwards" else reversed(CELLS)
entries = [entry_of([predict_cell(cell, "t4-16gb", alloc_conf="", detailed=True).record]) for cell in order]
sys.stdout.buffer.write(text_of(Baseline(cells={entry.name: entry for entry in entries})).encode())
"""


def start(order: str, folder: Path, **variables: str) -> subprocess.Popen[bytes]:
    package = str(Path(__file__).parents[3])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, order],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What two processes write that have nothing in common but the code."""
    here, there = tmp_path_factory.mktemp("here"), tmp_path_factory.mktemp("dört ü 模")
    processes = [
        start("forwards", here, PYTHONHASHSEED="0", OMP_NUM_THREADS="1", LC_ALL="C"),
        start(
            "backwards",
            there,
            PYTHONHASHSEED="4711",
            OMP_NUM_THREADS="2",
            LC_ALL="C.UTF-8",
            HOME=str(there),
            ATEN_CPU_CAPABILITY="default",
            PYTORCH_ALLOC_CONF="max_split_size_mb:32",
            TZ="Asia/Tokyo",
        ),
    ]
    results = [process.communicate() for process in processes]
    for process, (_, errors) in zip(processes, results, strict=True):
        assert process.returncode == 0, errors.decode(errors="replace")
    return [output for output, _ in results]


def test_two_processes_write_the_same_to_the_byte(texts: list[bytes]) -> None:
    first, second = texts
    assert first == second


def test_what_they_write_is_a_baseline_with_all_that_a_prediction_tells(texts: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(texts[0])
    entries = read_baseline(path).cells.values()
    assert [entry.settings["method"] for entry in entries] == ["full", "ladder", "qlora"]
    for entry in entries:
        assert sum(entry.breakdown.values()) == entry.metrics["peak_allocated"]
        assert sum(entry.flops.values()) == entry.metrics["flops"]
        assert entry.at_peak
        assert entry.saved_for_backward
        assert entry.metrics["saved_for_backward"] > 0
        assert not entry.repeats
