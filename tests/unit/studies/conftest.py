"""A small study on disk: one cell of a grid, one that its analysis asks for."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from ladderscope.cli import run
from ladderscope.records import PREDICT, Cell, EvalLoss, Flops, Memory, Params, Record
from ladderscope.studies.folder import Study, find_study
from ladderscope.studies.variants.cells import GPU, predicted_cell, trained_cell
from ladderscope.studies.variants.plan import Plan
from ladderscope.units import GIB

DEFINITION = """
title: A tiny study
claims:
  - {id: small, text: Tiny is small, source: "a paper, page 1", rule: below 1 GiB,
     rule-written: before any record, kind: paper}
bounds: {small: 1073741824}
setup: |
  One model.
limits: [It is tiny.]
gpu: 8GiB:sm86
grid:
  - {model: "random:tiny-llama", method: lora, seq-len: 32}
quick-tolerance: 0
quick-grid:
  - {model: "random:tiny-llama", method: lora, seq-len: 32}
"""

ANALYSIS = """
from ladderscope.records import Cell
from ladderscope.studies.bases import basis_of
from ladderscope.studies.chosen import chosen
from ladderscope.studies.findings import Figure, Findings, Table, Value, Verdict

from .answers import answered


def analyse(records, bounds):
    peaks = [record.memory.peak_allocated_bytes for record in chosen(records, "8GiB:sm86").values()]
    if not peaks:
        return Findings([Verdict("small", "cannot tell", "No cell has an answer.", None)])
    answer = answered(max(peaks) < bounds["small"])
    rows = [[str(record.cell.seq_len), Value(str(record.memory.peak_allocated_bytes), basis_of(record))]
            for record in records if record.memory]
    figure = Figure("peaks", "Peaks", "One for each cell.", lambda canvas: canvas.subplots().plot(peaks, "o"))
    table = Table("Peaks", ["tokens", "bytes"], rows)
    return Findings([Verdict("small", answer, f"The peak is {max(peaks)} bytes.", "predicted")], [table], [figure])


def further(records):
    longer = [Cell.from_json({**record.cell.to_json(), "seq_len": 64}) for record in records]
    return [(cell, "8GiB:sm86") for cell in longer]
"""


ANSWERS = """
def answered(holds):
    return "reproduced" if holds else "not reproduced"
"""


def write_studies(where: Path) -> Path:
    """A folder ``studies`` with the study ``tiny``, and a folder that is none."""
    folder = where / "studies" / "tiny"
    folder.mkdir(parents=True)
    (folder / "study.yaml").write_text(DEFINITION)
    (folder / "analysis.py").write_text(ANALYSIS)
    (folder / "answers.py").write_text(ANSWERS)
    (where / "studies" / "older").mkdir()
    (where / "studies" / "older" / "README.md").write_text("no study of this kind")
    return where / "studies"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of studies; none was run yet."""
    return write_studies(tmp_path)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger that the command has filled; starting a process for it takes seconds."""
    studies = write_studies(tmp_path_factory.mktemp("filled"))
    assert run(["study", "run", "tiny", "--jobs", "1", "--studies", str(studies)]) == 0
    return studies / "tiny" / "ledger.jsonl"


@pytest.fixture
def done(root: Path, filled: Path) -> Path:
    """The folder of studies, after a run."""
    shutil.copy(filled, root / "tiny" / "ledger.jsonl")
    return root


@pytest.fixture
def tiny(root: Path) -> Study:
    """The study in it."""
    return find_study(root, "tiny")


InventVariants = Callable[..., list[Record]]


@pytest.fixture(scope="session")
def invent_variants() -> InventVariants:
    """Records of a whole plan of variants whose losses and bytes are known.

    The log loss falls by 0.05 for each doubling of the width; ``worse`` is added to that of a variant, and a little
    noise. A side network takes 40 GiB over the reduction factor, ``bytes_of`` times, beside a backbone of 4 GiB.
    """

    def make(
        plan: Plan,
        worse: Mapping[str, float],
        *,
        bytes_of: Mapping[str, float] | None = None,
        noise: float = 0.001,
    ) -> list[Record]:
        rng = np.random.default_rng(0)
        records = []
        for one in plan.variants:
            factor = (bytes_of or {}).get(one.name, 1.0)
            for reduction in one.reductions:
                records.append(_predicted(predicted_cell(one, reduction), int((4 + 40 * factor / reduction) * GIB)))
                for seed in plan.seeds:
                    log_loss = 0.5 + 0.05 * math.log2(reduction) + 0.1 * seed + worse.get(one.name, 0.0)
                    cell = trained_cell(one, reduction, seed, plan.steps)
                    records.append(_trained(cell, math.exp(log_loss + rng.normal(0, noise)), factor))
        return records

    return make


def _predicted(cell: Cell, peak: int) -> Record:
    memory = Memory(peak_allocated_bytes=peak, peak_reserved_bytes=peak, peak_rss_bytes=None, breakdown_bytes={})
    return Record(cell=cell, meter=PREDICT, gpu=GPU, status="ok", weights="random", memory=memory)


def _trained(cell: Cell, loss: float, factor: float) -> Record:
    assert cell.reduction_factor is not None
    per_step = int(1e12 * (1 + factor / cell.reduction_factor))
    return Record(
        cell=cell,
        meter="cpu",
        status="ok",
        weights="pretrained",
        params=Params(trainable=10**7 // cell.reduction_factor, total=10**8),
        flops=Flops(per_step=per_step, per_token=per_step / 512, by_component={"head": per_step}),
        eval_loss=EvalLoss(before=3.0, after=loss),
        step_seconds=[per_step / 1e11] * cell.steps,
        tokens_per_step=512,
    )
