"""Turns examples into batches of token rows.

Every training row has exactly ``seq_len`` tokens, so that a step costs the same for every batch: examples follow
one another in a row, and the one that reaches its end is cut there; the next row starts with a new example. Text
without examples is cut into rows as it stands. Held-out examples keep a row each, padded on the right, at a length
that does not depend on ``seq_len``, so that evaluation losses compare between cells.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from ladderscope.errors import DataError
from ladderscope.records import Cell
from ladderscope.training.examples import RANDOM, Example, ExampleSplit, load_examples

IGNORED = -100
"""Label of a token without loss, as in PyTorch's cross-entropy."""
HELD_OUT_TOKENS = 256
HELD_OUT_BATCH = 4
_HELD_OUT_SEED = 987_654_321
_MAX_BARREN_EXAMPLES = 1000


@dataclass(frozen=True)
class Batch:
    """Token ids and labels, both (batch size, tokens) of int64 on the device of the model."""

    input_ids: Tensor
    labels: Tensor

    @property
    def num_trained_tokens(self) -> int:
        """Tokens with a loss: those whose label is set, but for the first of each row, which nothing predicts."""
        return int((self.labels[:, 1:] != IGNORED).sum())


@dataclass(frozen=True)
class Row:
    """Tokens of one row and their labels."""

    tokens: list[int]
    labels: list[int]


def training_batches(cell: Cell, tokenizer: Any, vocab_size: int, device: torch.device) -> Iterator[Batch]:
    """Batches in an order that the seed alone decides, the same for every method.

    Raises:
        DataError: the data holds no token to train on at this sequence length.
    """
    if cell.data == RANDOM:
        rows = _random_rows(vocab_size, cell.seq_len, cell.seed)
    else:
        split = load_examples(cell.data, cell.seed)
        pack = _continuous_rows if split.continuous else _packed_rows
        rows = pack(_tokenize(split, tokenizer), cell)
    while batch := list(islice(rows, cell.batch_size)):
        yield _stack(batch, 0, device)


def held_out_batches(cell: Cell, tokenizer: Any, vocab_size: int, device: torch.device) -> list[Batch]:
    """The fixed evaluation set: the same tokens for every method, seed, rank and sequence length."""
    if cell.data == RANDOM:
        rows = list(islice(_random_rows(vocab_size, HELD_OUT_TOKENS, seed=_HELD_OUT_SEED), HELD_OUT_BATCH))
    else:
        split = load_examples(cell.data, seed=0)
        rows = [_cut(_to_row(example, tokenizer), HELD_OUT_TOKENS) for example in split.held_out]
        # Rows of a like length together, so that little is spent on padding.
        rows = sorted((row for row in rows if _has_loss(row)), key=lambda row: len(row.tokens))
    if not rows:
        raise DataError(f"{cell.data} leaves no held-out token to evaluate on: give more text.")
    pad = tokenizer.pad_token_id if tokenizer is not None and tokenizer.pad_token_id is not None else 0
    return [_stack(rows[i : i + HELD_OUT_BATCH], pad, device) for i in range(0, len(rows), HELD_OUT_BATCH)]


def _tokenize(split: ExampleSplit, tokenizer: Any) -> Iterator[Row]:
    return (_to_row(example, tokenizer) for example in split.train)


def _to_row(example: Example, tokenizer: Any) -> Row:
    if example.messages:
        prompt = tokenizer.apply_chat_template(list(example.messages[:-1]), tokenize=False, add_generation_prompt=True)
    else:
        prompt = example.prompt
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"] if prompt else []
    after = [*tokenizer(example.completion, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    return Row(tokens=before + after, labels=[IGNORED] * len(before) + after)


def _packed_rows(examples: Iterator[Row], cell: Cell) -> Iterator[Row]:
    barren = 0
    tokens: list[int] = []
    labels: list[int] = []
    for example in examples:
        tokens += example.tokens
        labels += example.labels
        if len(tokens) < cell.seq_len:
            continue
        row = Row(tokens[: cell.seq_len], labels[: cell.seq_len])
        tokens, labels = [], []
        barren = 0 if _has_loss(row) else barren + 1
        if barren > _MAX_BARREN_EXAMPLES:
            raise DataError(
                f"no completion in {cell.data} starts within {cell.seq_len} tokens: raise the sequence length."
            )
        if barren == 0:
            yield row


def _continuous_rows(examples: Iterator[Row], cell: Cell) -> Iterator[Row]:
    (text,) = examples
    starts = range(0, len(text.tokens) - cell.seq_len + 1, cell.seq_len)
    if not starts:
        raise DataError(
            f"{cell.data} holds {len(text.tokens)} tokens to train on, fewer than one row of {cell.seq_len}: "
            "give more text, or lower the sequence length."
        )
    order = torch.Generator().manual_seed(cell.seed)
    while True:
        for index in torch.randperm(len(starts), generator=order).tolist():
            yield _slice(text, starts[index], cell.seq_len)


def _random_rows(vocab_size: int, seq_len: int, seed: int) -> Iterator[Row]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        tokens = torch.randint(vocab_size, (seq_len,), generator=generator).tolist()
        yield Row(tokens, tokens)


def _has_loss(row: Row) -> bool:
    return any(label != IGNORED for label in row.labels[1:])


def _cut(row: Row, length: int) -> Row:
    return _slice(row, 0, length)


def _slice(row: Row, start: int, length: int) -> Row:
    return Row(row.tokens[start : start + length], row.labels[start : start + length])


def _stack(rows: list[Row], pad: int, device: torch.device) -> Batch:
    width = max(len(row.tokens) for row in rows)
    tokens = [row.tokens + [pad] * (width - len(row.tokens)) for row in rows]
    labels = [row.labels + [IGNORED] * (width - len(row.labels)) for row in rows]
    return Batch(torch.tensor(tokens, device=device), torch.tensor(labels, device=device))
