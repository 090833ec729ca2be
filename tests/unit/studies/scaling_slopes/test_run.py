"""What is there is not made again."""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.records import Record
from ladderscope.studies.folder import Study

Invent = Callable[..., list[Record]]


@pytest.fixture
def runner(study: Study) -> Callable[[str], Any]:
    assert study.own_run is not None
    return lambda name: sys.modules["ladderscope_study_scaling_slopes_run" + (f".{name}" if name else "")]


def test_cells_with_a_result_are_not_trained_again_and_failed_ones_if_asked(
    runner: Callable[[str], Any], invent: Invent
) -> None:
    plan = runner("family").WHOLE
    records = invent({})
    failed = dataclasses.replace(records[0], status="error")
    known = [failed, *records[1:-2]]
    last = [records[-2].cell, records[-1].cell]
    assert runner("").missing_cells(plan, known, retry_failed=False) == last
    assert runner("").missing_cells(plan, known, retry_failed=True) == [records[0].cell, *last]


def test_after_an_interrupt_nothing_begins(runner: Callable[[str], Any], tmp_path: Path) -> None:
    family, workers = runner("family"), runner("workers")
    stop = threading.Event()
    stop.set()
    settings = workers.pretraining_settings(family.QUICK, family.FAMILY[0], tmp_path, tmp_path / "x", tmp_path / "y")
    said: list[str] = []
    records: list[Record] = []
    workers.pretrain_all([settings], 2, said.append, stop)
    cells = family.cells_of(family.QUICK)
    workers.train_all(cells, 1, tmp_path, records.append, stop)
    assert not said
    assert not records
    assert not Path(settings["folder"]).exists()


def test_the_time_that_is_left_shrinks_with_the_cost_of_what_is_done(
    runner: Callable[[str], Any], invent: Invent
) -> None:
    records = invent({})[:4]
    said: list[str] = []
    costs = {one.cell.cell_id: runner("").cost_of(one.cell) for one in records}
    progress = runner("").Progress(costs, said.append)
    for record in records:
        progress.advance(record)
    assert said[0].startswith("1 of 4 cells")
    assert said[-1] == "4 of 4 cells, about 0 minutes left"


def test_verses_lose_their_numbers_and_brackets(runner: Callable[[str], Any]) -> None:
    module = 'bible = Bible(\n    """\n1. In the beginning. 2. And darkness [was] there.\n3. And 40. days.\n""")'
    assert runner("corpus").plain_text(module) == "In the beginning. And darkness was there.\nAnd days.\n"


@pytest.mark.slow
def test_a_backbone_is_pretrained_once_and_trains_as_its_cell_says(
    runner: Callable[[str], Any], tmp_path: Path
) -> None:
    """Real processes: a tokenizer, two steps of pretraining, a cell of two steps."""
    family, workers = runner("family"), runner("workers")
    tiny = dataclasses.replace(
        family.QUICK, family=(family.Backbone(64, 2),), pretraining_steps=2, budgets=(2,), repetitions=1
    )
    text = tmp_path / "kjv.txt"
    text.write_text("And God said, Let there be light: and there was light. " * 1500)
    tokenizer = runner("corpus").prepare_tokenizer(tmp_path, text, 300)
    settings = workers.pretraining_settings(tiny, tiny.family[0], tmp_path, text, tokenizer)
    said: list[str] = []
    workers.pretrain_all([settings], 2, said.append, threading.Event())
    made = Path(settings["folder"])
    assert json.loads((made / "pretraining.json").read_text())["held_out_loss"] > 0
    workers.pretrain_all([settings], 2, said.append, threading.Event())
    assert said == ["pretraining 64x2 (2 steps)"]

    records: list[Record] = []
    cells = [dataclasses.replace(cell, steps=2) for cell in family.cells_of(tiny)][-2:]
    stop = threading.Event()

    def keep_and_interrupt(record: Record) -> None:
        records.append(record)
        stop.set()

    workers.train_all(cells, 1, tmp_path, keep_and_interrupt, stop)  # the second cell does not begin
    (record,) = records
    assert record.status == "ok", record.error
    assert record.cell == cells[0]
    assert record.weights == "pretrained"
    assert len(record.loss) == 2
    assert record.flops is not None
    assert record.eval_loss is not None


@pytest.mark.slow
def test_a_backbone_that_cannot_be_made_is_said(runner: Callable[[str], Any], tmp_path: Path) -> None:
    family, workers = runner("family"), runner("workers")
    settings = workers.pretraining_settings(
        family.QUICK, family.FAMILY[0], tmp_path, tmp_path / "none.txt", tmp_path / "none"
    )
    with pytest.raises(LadderscopeError, match="64x4"):
        workers.pretrain_all([settings], 1, lambda line: None, threading.Event())


def test_pretraining_that_was_killed_ends_with_the_same_weights(
    study: Study, runner: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(study.folder))
    pretrain: Any = importlib.import_module("pretrain")
    monkeypatch.setattr(pretrain, "CHECKPOINT_SECONDS", 0.0)
    text = tmp_path / "kjv.txt"
    text.write_text("And God said, Let there be light: and there was light. " * 3000)
    tokenizer = runner("corpus").prepare_tokenizer(tmp_path, text, 280)
    plan = dataclasses.replace(runner("family").QUICK, pretraining_steps=4)
    losses = []
    for name, kills in (("whole", False), ("killed", True)):
        settings = runner("workers").pretraining_settings(
            plan, runner("family").Backbone(32, 1), tmp_path / name, text, tokenizer
        )
        Path(settings["folder"]).parent.mkdir(parents=True)
        if kills:
            with monkeypatch.context() as during:
                during.setattr(pretrain, "_batch", _killed_at(2, pretrain._batch))
                with pytest.raises(KeyboardInterrupt):
                    pretrain.main(settings)
            assert not Path(settings["folder"]).exists()
        pretrain.main(settings)
        losses.append(json.loads((Path(settings["folder"]) / "pretraining.json").read_text())["held_out_loss"])
    assert losses[0] == losses[1]


def _killed_at(step: int, batch: Callable[..., Any]) -> Callable[..., Any]:
    def batch_or_end(rows: Any, at: int, seed: int) -> Any:
        if at == step:
            raise KeyboardInterrupt
        return batch(rows, at, seed)

    return batch_or_end
