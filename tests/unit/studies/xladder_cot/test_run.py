"""A backbone, a tokenizer and cells of the study, made by its own processes, only smaller."""

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
from ladderscope.studies.pretrained.making import pretrain_all, pretraining_settings
from ladderscope.studies.trained.workers import train_all


def test_every_token_of_the_task_is_one_of_the_tokenizer(module: Callable[[str], Any], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    chains = module("chains")
    tokenizer = AutoTokenizer.from_pretrained(module("backbone").prepare_tokenizer(tmp_path))
    problem = chains.test_problems(8, 2)[0]
    text = f"{problem.prompt} {problem.solution(2)} {chains.END}"
    assert tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]) == text.split()
    assert tokenizer.eos_token == chains.END
    assert len(tokenizer) == len(chains.TOKENS)


@pytest.mark.slow
def test_cells_train_on_the_backbone_and_write_their_answers(
    study: Study, module: Callable[[str], Any], tmp_path: Path
) -> None:
    """Real processes: two steps of pretraining, then the backbone as it is and two steps of xLadder."""
    own, plan, chains = module("backbone"), module("plan"), module("chains")
    backbone = SmallBackbone(recipe="tiny-1", vocabulary=len(chains.TOKENS), width=32, depth=2)
    text, tokenizer = own.prepare_text(tmp_path, 200), own.prepare_tokenizer(tmp_path)
    settings = pretraining_settings(
        backbone, steps=2, work=tmp_path, text=text, tokenizer=tokenizer, rows=(8, chains.TOKENS_OF_LINE)
    )
    pretrain_all([settings], 1, lambda line: None, threading.Event())

    cells = [
        dataclasses.replace(plan.BACKBONE_CELL, model=backbone.name),
        dataclasses.replace(plan.cell_of("xladder-4", 4, 0, 2), model=backbone.name, settings="delta=1"),
    ]
    records: list[Record] = []
    train_all(cells, study.folder / "worker.py", 1, tmp_path, records.append, threading.Event())
    assert [record.cell for record in records] == cells
    for record in records:
        assert record.status == "ok", record.error
        assert len(record.loss) == record.cell.steps
        assert record.flops is not None
        answers = record.answers["chains"]
        assert len(answers.correct) == len(answers.tokens) == chains.TEST_ITEMS
        assert max(answers.tokens) <= chains.tokens_written(plan.OPERATIONS, 1)


def _backbone_module(module: Callable[[str], Any]) -> Any:
    return module("backbone")
