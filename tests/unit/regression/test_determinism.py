"""The same versions give the same bytes, whatever machine, folder, language or hash seed."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ladderscope.regression.baseline import read_baseline

CELLS: list[dict[str, Any]] = [
    {"model": "random:tiny-llama", "method": "ladder", "reduction_factor": 4, "seq_len": 64, "data": "random"},
    {"model": "random:tiny-gpt2", "method": "full", "seq_len": 32, "data": "random", "optimizer": "adamw-8bit"},
    {
        "model": "random:tiny-llama",
        "method": "qlora",
        "rank": 4,
        "seq_len": 64,
        "data": "random",
        "quantization": "nf4",
    },
]


def baseline_of(cells: Iterable[dict[str, Any]]) -> str:
    from ladderscope.predict import predict_cell
    from ladderscope.records import Cell
    from ladderscope.regression.baseline import Baseline, text_of
    from ladderscope.regression.take import entry_of

    records = [predict_cell(Cell.from_json(cell), "t4-16gb", alloc_conf="", detailed=True).record for cell in cells]
    return text_of(Baseline(cells={entry.name: entry for entry in (entry_of([record]) for record in records)}))


def in_another_process(cells: list[dict[str, Any]], folder: Path, **variables: str) -> str:
    program = f"""
from __future__ import annotations
import json, sys
{inspect.getsource(baseline_of)}
sys.stdout.buffer.write(baseline_of(json.loads(sys.argv[1])).encode())
"""
    path = os.pathsep.join([str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])])
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, json.dumps(cells)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr.decode(errors="replace")
    return ended.stdout.decode()


def test_a_process_that_has_nothing_in_common_but_the_code_writes_the_same_to_the_byte(tmp_path: Path) -> None:
    folder = tmp_path / "dört ü 模"
    folder.mkdir()
    here = baseline_of(CELLS)  # in a process in which other tests have run
    there = in_another_process(
        list(reversed(CELLS)),
        folder,
        PYTHONHASHSEED="4711",
        OMP_NUM_THREADS="2",
        LC_ALL="C",
        HOME=str(folder),
        ATEN_CPU_CAPABILITY="default",
        PYTORCH_ALLOC_CONF="max_split_size_mb:32",  # of the machine, which a baseline must not depend on
        TZ="Asia/Tokyo",
    )
    assert here == there
    path = tmp_path / "b.json"
    path.write_text(here, encoding="utf-8")
    entries = read_baseline(path).cells.values()
    assert [entry.settings["method"] for entry in entries] == ["full", "ladder", "qlora"]
    for entry in entries:
        assert sum(entry.breakdown.values()) == entry.metrics["peak_allocated"]
        assert sum(entry.flops.values()) == entry.metrics["flops"]
        assert entry.at_peak
        assert entry.metrics["saved_for_backward"] > 0
        assert not entry.repeats
