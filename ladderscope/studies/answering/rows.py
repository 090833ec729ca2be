"""The items as batches: an item a row, padded on the right."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from ladderscope.backbones.loading import Backbone
from ladderscope.records import Cell
from ladderscope.studies.answering.items import Item
from ladderscope.training.batches import IGNORED, Batch, Row, to_row
from ladderscope.training.layouts import Example

_TOKENS_AT_A_TIME = 2048
"""Of a batch without gradients, padding included."""


def training_batches(items: Sequence[Item], cell: Cell, backbone: Backbone) -> Iterator[Batch]:
    """Batches of the cell's size, without an end; every epoch has its own order, which the seed alone decides."""
    tokenizer, device = backbone.tokenizer, device_of(backbone.model)
    rows = [row_of(item, tokenizer) for item in items]
    order = _epochs(len(rows), random.Random(cell.seed))
    while True:
        chosen = [rows[place] for place in islice(order, cell.batch_size)]
        yield padded(chosen, cell.seq_len, tokenizer.pad_token_id, device)


def held_out_batches(items: Sequence[Item], backbone: Backbone) -> list[Batch]:
    """The same for every cell of a task; rows of a like length together."""
    tokenizer, device = backbone.tokenizer, device_of(backbone.model)
    rows = [row_of(item, tokenizer) for item in items]
    groups = grouped([len(row.tokens) for row in rows])
    return [
        padded([rows[i] for i in group], _longest(rows, group), tokenizer.pad_token_id, device) for group in groups
    ]


def row_of(item: Item, tokenizer: Any) -> Row:
    """Prompt, completion and end of text; the loss is on the latter two."""
    return to_row(Example(prompt=item.prompt, completion=item.completion), tokenizer)


def padded(rows: Sequence[Row], width: int, pad: int, device: torch.device) -> Batch:
    """A batch of that width, with the mask that says what is padding."""
    missing = [width - len(row.tokens) for row in rows]
    if min(missing) < 0:
        raise ValueError(f"a row of {width - min(missing)} tokens does not fit into {width}")
    ids = [row.tokens + [pad] * n for row, n in zip(rows, missing, strict=True)]
    labels = [row.labels + [IGNORED] * n for row, n in zip(rows, missing, strict=True)]
    mask = [[1] * len(row.tokens) + [0] * n for row, n in zip(rows, missing, strict=True)]
    ids_there, labels_there, mask_there = (torch.tensor(one, device=device) for one in (ids, labels, mask))
    return Batch(ids_there, labels_there, attention_mask=mask_there)


def padded_left(rows: Sequence[Sequence[int]], pad: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Ids and mask (rows, tokens) of prompts that are to be gone on with."""
    width = max(map(len, rows))
    ids = [[pad] * (width - len(row)) + list(row) for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def grouped(lengths: Sequence[int], most_rows: int | None = None) -> list[list[int]]:
    """Places of rows, those of a like length together, in groups of some 2,048 tokens or of ``most_rows``."""
    order = sorted(range(len(lengths)), key=lambda place: lengths[place])
    groups: list[list[int]] = []
    for place in order:
        size = len(groups[-1]) if groups else 0
        is_full = size == most_rows if most_rows else (size + 1) * lengths[place] > _TOKENS_AT_A_TIME
        if not groups or is_full:
            groups.append([])
        groups[-1].append(place)
    return groups


def device_of(model: Any) -> torch.device:
    """Where a model's first parameter is."""
    device: torch.device = next(model.parameters()).device
    return device


def _longest(rows: Sequence[Row], group: Sequence[int]) -> int:
    return max(len(rows[place].tokens) for place in group)


def _epochs(size: int, rng: random.Random) -> Iterator[int]:
    while True:
        yield from rng.sample(range(size), size)
