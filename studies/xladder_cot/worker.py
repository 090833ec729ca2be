"""A worker of this study: trains on chains of one granularity, then lets the model write those of the test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

# A worker is a script: its neighbours are no package here.
from answering import marked, written
from chains import Problem, chain_of, last_value, test_problems, tokens_written, training_problems

from ladderscope.backbones.loading import Backbone
from ladderscope.records import Answers, Cell, Record
from ladderscope.studies.trained.serving import serve
from ladderscope.studies.trained.training import train_cell
from ladderscope.training.batches import Batch, stack_rows, to_row
from ladderscope.training.layouts import Example

_LOSS_ROWS = 200
_TEST_SET = "chains"


def measure(cell: Cell) -> Record:
    """The record of a cell."""
    operations, granularity = chain_of(cell.data)

    def rows(backbone: Backbone) -> Iterator[Batch]:
        """All of one length, and the same problems in the same order with every granularity."""
        problems = training_problems(operations, cell.seed)
        while True:
            yield _batch(islice(problems, cell.batch_size), granularity, backbone)

    def held_out(backbone: Backbone) -> list[Batch]:
        return [_batch(islice(test_problems(operations, granularity), _LOSS_ROWS), granularity, backbone)]

    def examine(model: Any, tokenizer: Any) -> dict[str, Answers]:
        problems = test_problems(operations, granularity)
        prompts = [one.prompt for one in problems]
        found = written(model, tokenizer, prompts, tokens_written(operations, 1))
        answers = [one.values[-1] for one in problems]
        return {_TEST_SET: marked(found, [last_value(row) for row in found], answers)}

    return train_cell(cell, rows=rows, held_out=held_out, examine=examine)


def _batch(problems: Iterator[Problem], granularity: int, backbone: Backbone) -> Batch:
    device = next(backbone.model.parameters()).device
    examples = [Example(prompt=one.prompt, completion=one.solution(granularity)) for one in problems]
    return stack_rows([to_row(one, backbone.tokenizer) for one in examples], 0, device)


if __name__ == "__main__":
    serve(measure)
