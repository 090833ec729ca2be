"""The main job from grid to report, on a tiny model and on a real one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from ladderscope.cli import run
from ladderscope.ledger import Ledger, read_ledger
from ladderscope.measure import measure_cell
from ladderscope.memory.cpu import CpuMeter
from ladderscope.records import Record
from ladderscope.sweep.grid import resolve_cells

GRID = """
model: random:tiny-llama
method: [qlora, ladder]
reduction: 2
seq-len: [32, 64]
steps: 4
"""


def test_from_grid_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grid, ledger = tmp_path / "grid.yaml", tmp_path / "runs.jsonl"
    grid.write_text(GRID)
    axes = {name.replace("-", "_"): value for name, value in yaml.safe_load(GRID).items()}
    longer = {name: value if isinstance(value, list) else [value] for name, value in {**axes, "seq_len": 64}.items()}
    with Ledger(ledger) as begun:  # what is there already is not measured again
        for cell in resolve_cells(longer):
            begun.append(measure_cell(cell, CpuMeter()))
    kept = ledger.read_bytes()

    assert run(["profile", str(grid), "--jobs", "2", "--out", str(ledger), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    records = read_ledger(ledger)
    assert len(records) == 4
    assert ledger.read_bytes().startswith(kept)
    assert sorted(r["cell_id"] for r in shown) == sorted(r.cell.cell_id for r in records)
    for record in records:
        assert_complete(record)

    before = ledger.read_bytes()
    assert run(["profile", str(grid), "--out", str(ledger)]) == 0
    assert ledger.read_bytes() == before

    assert run(["fit-scaling", str(ledger), "--out", str(tmp_path / "fit.json")]) == 0
    assert run(["fit-scaling", str(ledger), "--x", "seq-len", "--y", "peak-allocated"]) == 0
    assert run(["report", str(ledger), "--out", str(tmp_path / "report")]) == 0
    page = (tmp_path / "report" / "report.html").read_text()
    assert "random weights" in page
    assert {fit["name"] for fit in json.loads((tmp_path / "fit.json").read_text())["groups"]} == {"qlora", "ladder"}


def assert_complete(record: Record) -> None:
    assert record.status == "ok"
    assert record.memory is not None
    assert record.flops is not None
    assert record.params is not None
    assert record.eval_loss is not None
    assert record.memory.peak_allocated_bytes == sum(record.memory.breakdown_bytes.values()) > 0
    assert record.flops.per_step == sum(record.flops.by_component.values()) > 0
    assert 0 < record.params.trainable <= record.params.total
    assert len(record.loss) == len(record.step_seconds) == record.cell.steps
    assert all(math.isfinite(loss) for loss in record.loss)
    assert record.tokens_per_step == record.cell.seq_len
    assert record.env["torch"]


@pytest.mark.slow
def test_methods_see_the_same_data_in_the_same_order() -> None:
    """At a learning rate too small to change a weight, all methods that start at the backbone have its losses."""
    axes: dict[str, list[Any]] = {
        "model": ["random:tiny-llama"],
        "method": ["qlora", "ladder"],
        "reduction": [2],
        "seq_len": [32],
    }
    qlora, ladder = (measure_cell(cell, CpuMeter()) for cell in resolve_cells({**axes, "steps": [3], "lr": [1e-30]}))
    assert len(set(qlora.loss)) == 3
    assert qlora.loss == pytest.approx(ladder.loss, rel=1e-6)


@pytest.mark.model
def test_on_a_pretrained_model_side_networks_need_less_and_learn(tmp_path: Path) -> None:
    ledger = tmp_path / "runs.jsonl"
    methods = ["--method", "qlora", "--method", "ladder"]
    assert (
        run(
            [
                "profile",
                *methods,
                "--seq-len",
                "128",
                "--steps",
                "4",
                "--meter",
                "cpu",
                "--jobs",
                "2",
                "--out",
                str(ledger),
            ]
        )
        == 0
    )
    records = {record.cell.method: record for record in read_ledger(ledger)}
    above = {}
    for method, record in records.items():
        assert_complete(record)
        assert record.weights == "pretrained"
        assert record.eval_loss is not None
        assert record.eval_loss.after < record.eval_loss.before
        assert record.memory is not None
        breakdown = record.memory.breakdown_bytes
        above[method] = record.memory.peak_allocated_bytes - breakdown["weights"] - breakdown["quantization_state"]
    assert above["ladder"] <= 0.6 * above["qlora"]
    assert len({record.eval_loss.before for record in records.values() if record.eval_loss}) == 1
