"""A cell on rows and held-out rows of a study's own, and answers that it asks for."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

import torch

from ladderscope.backbones.loading import Backbone
from ladderscope.records import Answers, Cell, Record
from ladderscope.studies.trained.training import train_cell
from ladderscope.training.batches import Batch

CELL = Cell(
    model="random:tiny-llama", method="ladder", reduction_factor=4, seq_len=16, dtype="fp32", steps=12, lr=0.02
)
ROW = torch.arange(3, 19)[None]


def _rows(backbone: Backbone) -> Iterator[Batch]:
    return itertools.repeat(Batch(ROW, ROW))


def _held_out(backbone: Backbone) -> list[Batch]:
    return [Batch(ROW, ROW)]


def _examine(model: Any, tokenizer: Any) -> dict[str, Answers]:
    guessed = model(input_ids=ROW).logits[0, :-1].argmax(-1)
    right = "".join("1" if hit else "0" for hit in (guessed == ROW[0, 1:]).tolist())
    return {"row": Answers(correct=right)}


def test_the_record_has_losses_and_answers_on_the_studys_own_rows() -> None:
    record = train_cell(CELL, held_out=_held_out, rows=_rows, examine=_examine)
    assert record.eval_loss is not None
    assert record.eval_loss.after < record.eval_loss.before - 0.1
    assert len(record.loss) == len(record.step_seconds) == 12
    assert math.isclose(record.loss[0], record.eval_loss.before, rel_tol=1e-5)
    assert len(record.answers["row"].correct) == 15
    assert record.flops is not None
    assert record.env


def test_a_cell_without_steps_is_the_backbone_as_it_is() -> None:
    record = train_cell(Cell(**{**CELL.to_json(), "steps": 0}), held_out=_held_out, rows=_rows, examine=_examine)
    assert record.eval_loss is not None
    assert record.eval_loss.after == record.eval_loss.before
    assert record.answers["row"].accuracy < 0.5


def test_answers_survive_a_ledger_and_are_absent_where_there_are_none() -> None:
    record = Record(cell=CELL, meter="cpu", status="ok", answers={"a": Answers(correct="0110", tokens=[1, 2, 3, 4])})
    again = Record.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record
    assert again.answers["a"].accuracy == 0.5
    assert "answers" not in Record(cell=CELL, meter="cpu", status="ok").to_json()
