"""A small study on disk: one cell of a grid, one that its analysis asks for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ladderscope.cli import run
from ladderscope.studies.folder import Study, find_study

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
