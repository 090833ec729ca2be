"""Held-out maths problems, more of them than the package's own evaluation has."""

from __future__ import annotations

from functools import cache
from itertools import islice
from pathlib import Path

from ladderscope.backbones.loading import Backbone
from ladderscope.training.batches import Batch, cut_row, stack_rows, to_row
from ladderscope.training.layouts import Example

HELD_OUT_WORKER = Path(__file__).with_name("held_out_worker.py")
"""For :func:`ladderscope.studies.trained.filling.fill`, of studies that train on a cell's own data."""
HELD_OUT, HELD_OUT_TOKENS, HELD_OUT_BATCH, HELD_OUT_SEED = 24, 256, 8, 123_456_789


def held_out_problems(backbone: Backbone, tokens: int = HELD_OUT_TOKENS) -> list[Batch]:
    """24 problems that no run trains on, a row each of at most ``tokens``, the same for every cell.

    The loss is on their solutions.
    """
    tokenizer, device = backbone.tokenizer, next(backbone.model.parameters()).device
    rows = [cut_row(to_row(example, tokenizer), tokens) for example in _problems()]
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
