"""The plan of the study, and a cell of it through its own worker."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.records import Record
from ladderscope.studies.folder import Study
from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.pretrained.corpus import prepare_tokenizer
from ladderscope.studies.pretrained.making import pretrain_all, pretraining_settings
from ladderscope.studies.trained.held_out import HELD_OUT_WORKER
from ladderscope.studies.trained.workers import train_all


def test_the_quick_run_is_a_part_of_the_whole(module: Callable[[str], Any]) -> None:
    family = module("family")
    whole, quick = ({cell.cell_id for cell in family.cells_of(plan)} for plan in (family.WHOLE, family.QUICK))
    assert len(whole) == 216
    assert len(quick) == 8
    assert quick < whole


@pytest.mark.slow
def test_a_cell_trains_on_a_backbone_of_the_work_folder(
    study: Study, module: Callable[[str], Any], tmp_path: Path
) -> None:
    """Real processes: a tokenizer, two steps of pretraining, a cell of two steps."""
    family = module("family")
    backbone = SmallBackbone(recipe="tiny-1", vocabulary=300, width=64, depth=2)
    text = tmp_path / "kjv.txt"
    text.write_text("And God said, Let there be light: and there was light. " * 1500)
    tokenizer = prepare_tokenizer(tmp_path, text, backbone.vocabulary)
    settings = pretraining_settings(backbone, steps=2, work=tmp_path, text=text, tokenizer=tokenizer)
    pretrain_all([settings], 2, lambda line: None, threading.Event())

    tiny = dataclasses.replace(family.QUICK, family=(backbone,), budgets=(2,), repetitions=1)
    (cell, _) = family.cells_of(tiny)
    records: list[Record] = []
    train_all([cell], HELD_OUT_WORKER, 1, tmp_path, records.append, threading.Event())
    (record,) = records
    assert record.status == "ok", record.error
    assert record.cell == cell
    assert record.weights == "pretrained"
    assert len(record.loss) == 2
    assert record.flops is not None
    assert record.eval_loss is not None
