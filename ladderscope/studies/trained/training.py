"""From a cell to its record, where a study trains on rows of its own or asks for answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ladderscope.backbones.loading import Backbone
from ladderscope.environment import describe_environment
from ladderscope.flops import count_flops
from ladderscope.measure import check_finite, count_parameters, forward_and_backward, prepare_loop
from ladderscope.memory.meters import resolve_meter
from ladderscope.records import Answers, Cell, EvalLoss, Record
from ladderscope.training.batches import Batch

Rows = Callable[[Backbone], Iterator[Batch]]
HeldOut = Callable[[Backbone], list[Batch]]
Examine = Callable[[Any, Any], dict[str, Answers]]
"""Model and tokenizer -> what it answers to test sets, by their names."""


def train_cell(
    cell: Cell, *, held_out: HeldOut | None = None, rows: Rows | None = None, examine: Examine | None = None
) -> Record:
    """Held-out loss before, the cell's steps, held-out loss after, answers, and one more pass that counts FLOPs.

    Everything that decides a record is the package's own: backbone, method, training loop, FLOPs.

    Args:
        cell: what to train.
        held_out: makes another evaluation set than that of the cell's data.
        rows: makes other training batches, without an end, than those of the cell's data.
        examine: asks the trained model for answers.

    Raises:
        FloatingPointError: a loss is no longer finite.
    """
    meter = resolve_meter("auto")
    backbone, loop = prepare_loop(cell, meter.device, held_out, rows)
    before = loop.evaluate()
    steps = [loop.step() for _ in range(cell.steps)]
    after = loop.evaluate() if steps else before
    check_finite([before, *(step.loss for step in steps), after])
    loop.model.eval()
    answers = examine(loop.model, backbone.tokenizer) if examine is not None else {}
    return Record(
        cell=cell,
        meter=meter.name,
        gpu=meter.hardware(),
        status="ok",
        weights=backbone.weights,
        params=count_parameters(loop.model),
        flops=count_flops(loop.model, lambda: forward_and_backward(loop), cell.tokens_per_step),
        loss=[step.loss for step in steps],
        eval_loss=EvalLoss(before=before, after=after),
        answers=answers,
        step_seconds=[step.seconds for step in steps],
        tokens_per_step=cell.tokens_per_step,
        env=describe_environment(),
    )
