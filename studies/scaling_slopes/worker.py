"""Trains cells, in a process of its own: a JSON line with a cell in, one with its record out.

It runs in the study's work folder, where the names of models in cells are paths. What decides a record is the
package's own: backbone, method, batches, training loop, FLOPs. Only the held-out set is the study's: 24 problems,
where the package's eight would leave too much noise in a difference of losses.
"""

from __future__ import annotations

import json
import sys
from functools import cache
from itertools import islice
from typing import Any

import torch

from ladderscope.environment import describe_environment
from ladderscope.flops import count_flops
from ladderscope.measure import count_parameters, forward_and_backward, prepare_loop
from ladderscope.memory.meters import resolve_meter
from ladderscope.records import Cell, EvalLoss, Record
from ladderscope.training.batches import Batch, cut_row, stack_rows, to_row
from ladderscope.training.layouts import Example

HELD_OUT, HELD_OUT_TOKENS, HELD_OUT_BATCH, HELD_OUT_SEED = 24, 256, 8, 123_456_789


def measure(cell: Cell) -> Record:
    """Train the cell: held-out loss before, its steps, held-out loss after, one more step that counts FLOPs."""
    meter = resolve_meter("auto")
    device = meter.device
    backbone, loop = prepare_loop(cell, device, lambda backbone: held_out(backbone.tokenizer, device))
    before = loop.evaluate()
    steps = [loop.step() for _ in range(cell.steps)]
    after = loop.evaluate()
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
        step_seconds=[step.seconds for step in steps],
        tokens_per_step=cell.tokens_per_step,
        env=describe_environment(),
    )


def held_out(tokenizer: Any, device: torch.device) -> list[Batch]:
    """Problems that no run trains on, a row each, the same for every cell."""
    rows = [cut_row(to_row(example, tokenizer), HELD_OUT_TOKENS) for example in _problems()]
    rows.sort(key=lambda row: len(row.tokens))
    pad = tokenizer.pad_token_id
    return [stack_rows(rows[i : i + HELD_OUT_BATCH], pad, device) for i in range(0, len(rows), HELD_OUT_BATCH)]


@cache
def _problems() -> list[Example]:
    import reasoning_gym

    problems = reasoning_gym.create_dataset("gsm_symbolic", size=HELD_OUT, seed=HELD_OUT_SEED)
    return [
        Example(prompt=one["question"] + "\n", completion=one["metadata"]["answer_cot"])
        for one in islice(problems, HELD_OUT)
    ]


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not break the lines
    for line in sys.stdin:
        cell = Cell.from_json(json.loads(line))
        try:
            record = measure(cell)
        except Exception as error:  # the run goes on with the other cells
            meter = resolve_meter("auto")
            reason = f"{type(error).__name__}: {error}"
            record = Record(cell=cell, meter=meter.name, gpu=meter.hardware(), status="error", error=reason)
        print(json.dumps(record.to_json()), file=answers, flush=True)


if __name__ == "__main__":
    main()
