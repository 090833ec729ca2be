"""Turns examples into batches of token rows.

Every training row has exactly ``seq_len`` tokens, so that a step costs the same for every batch: examples follow
one another in a row, and the one that reaches its end is cut there; the next row starts with a new example. Text
without examples is cut into rows as it stands. Rows of ``random-padded`` are padded to that length, and masked.
Held-out examples keep a row each, padded on the right, at a length that does not depend on ``seq_len``, so that
evaluation losses compare between cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from ladderscope.errors import DataError
from ladderscope.records import Cell
from ladderscope.training.examples import RANDOM_PADDED, WITHOUT_TEXT, ExampleSplit, load_examples
from ladderscope.training.layouts import Example

IGNORED = -100
"""Label of a token without loss, as in PyTorch's cross-entropy."""
HELD_OUT_TOKENS = 256
HELD_OUT_BATCH = 4
_HELD_OUT_SEED = 987_654_321
_MAX_BARREN_EXAMPLES = 1000


@dataclass(frozen=True)
class Batch:
    """Token ids and labels, both (batch size, tokens) of int64 on the device of the model.

    ``attention_mask`` of the same shape is 0 where a row is padded; None where none is.
    """

    input_ids: Tensor
    labels: Tensor
    attention_mask: Tensor | None = field(default=None, kw_only=True)

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Keyword arguments of a model's forward."""
        mask = {} if self.attention_mask is None else {"attention_mask": self.attention_mask}
        return {"input_ids": self.input_ids, "labels": self.labels, **mask}

    @property
    def num_trained_tokens(self) -> int:
        """Tokens with a loss: those whose label is set, but for the first of each row, which nothing predicts."""
        return int((self.labels[:, 1:] != IGNORED).sum())


@dataclass(frozen=True)
class NumberedBatch(Batch):
    """A batch that knows which rows (batch size,) of the data it is made of."""

    rows: Tensor


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
    if cell.data == RANDOM_PADDED:
        yield from _padded_batches(cell, vocab_size, device)
    if cell.data in WITHOUT_TEXT:
        rows = _random_rows(vocab_size, cell.seq_len, cell.seed)
    else:
        split = load_examples(cell.data, cell.seed)
        pack = _continuous_rows if split.continuous else _packed_rows
        rows = pack(_tokenize(split, tokenizer), cell)
    while batch := list(islice(rows, cell.batch_size)):
        yield stack_rows(batch, 0, device)


def held_out_batches(cell: Cell, tokenizer: Any, vocab_size: int, device: torch.device) -> list[Batch]:
    """The fixed evaluation set: the same tokens for every method, seed, rank and sequence length."""
    if cell.data in WITHOUT_TEXT:
        rows = list(islice(_random_rows(vocab_size, HELD_OUT_TOKENS, seed=_HELD_OUT_SEED), HELD_OUT_BATCH))
    else:
        split = load_examples(cell.data, seed=0)
        rows = [cut_row(to_row(example, tokenizer), HELD_OUT_TOKENS) for example in split.held_out]
        # Rows of a like length together, so that little is spent on padding.
        rows = sorted((row for row in rows if has_loss(row)), key=lambda row: len(row.tokens))
    if not rows:
        raise DataError(f"{cell.data} leaves no held-out token to evaluate on: give more text.")
    pad = tokenizer.pad_token_id if tokenizer is not None and tokenizer.pad_token_id is not None else 0
    return [stack_rows(rows[i : i + HELD_OUT_BATCH], pad, device) for i in range(0, len(rows), HELD_OUT_BATCH)]


def _tokenize(split: ExampleSplit, tokenizer: Any) -> Iterator[Row]:
    return (to_row(example, tokenizer) for example in split.train)


def to_row(example: Example, tokenizer: Any) -> Row:
    """The tokens of an example, ended by the tokenizer's end of text; prompts have no label."""
    if example.messages:
        prompt = tokenizer.apply_chat_template(list(example.messages[:-1]), tokenize=False, add_generation_prompt=True)
    else:
        prompt = example.prompt
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"] if prompt else []
    after = [*tokenizer(example.completion, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    return Row(tokens=before + after, labels=[IGNORED] * len(before) + after)


def pack_rows(examples: Iterable[Row], seq_len: int) -> Iterator[Row]:
    """Rows of ``seq_len`` tokens, filled with one example after the other; the last one is shorter where they run out.

    Rows without a token to train on are among them.
    """
    tokens: list[int] = []
    labels: list[int] = []
    for example in examples:
        tokens += example.tokens
        labels += example.labels
        if len(tokens) >= seq_len:
            yield Row(tokens[:seq_len], labels[:seq_len])
            tokens, labels = [], []
    if tokens:
        yield Row(tokens, labels)


def _packed_rows(examples: Iterator[Row], cell: Cell) -> Iterator[Row]:
    barren = 0
    for row in pack_rows(examples, cell.seq_len):
        barren = 0 if has_loss(row) else barren + 1
        if barren > _MAX_BARREN_EXAMPLES:
            raise no_completion(cell.data, cell.seq_len)
        if barren == 0:
            yield row


def no_completion(data: str, seq_len: int) -> DataError:
    """The error of data whose prompts alone fill the rows."""
    return DataError(f"no completion in {data} starts within {seq_len} tokens: raise the sequence length.")


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
            yield slice_row(text, starts[index], cell.seq_len)


def _random_rows(vocab_size: int, seq_len: int, seed: int) -> Iterator[Row]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        tokens = torch.randint(vocab_size, (seq_len,), generator=generator).tolist()
        yield Row(tokens, tokens)


def _padded_batches(cell: Cell, vocab_size: int, device: torch.device) -> Iterator[Batch]:
    """Rows of random lengths, from half of ``seq_len`` on, all of them padded to ``seq_len``."""
    rows = _random_rows(vocab_size, cell.seq_len, cell.seed)
    generator = torch.Generator().manual_seed(cell.seed)
    while True:
        lengths = torch.randint(cell.seq_len // 2, cell.seq_len, (cell.batch_size, 1), generator=generator)
        batch = stack_rows(list(islice(rows, cell.batch_size)), 0, torch.device("cpu"))
        is_token = torch.arange(cell.seq_len) < lengths
        yield Batch(
            (batch.input_ids * is_token).to(device),
            batch.labels.where(is_token, IGNORED).to(device),
            attention_mask=is_token.long().to(device),
        )


def has_loss(row: Row) -> bool:
    """Whether a row has a token to train on. Nothing predicts its first one."""
    return any(label != IGNORED for label in row.labels[1:])


def cut_row(row: Row, length: int) -> Row:
    """The first ``length`` tokens of a row."""
    return slice_row(row, 0, length)


def slice_row(row: Row, start: int, length: int) -> Row:
    """``length`` tokens of a row from ``start`` on, fewer at its end."""
    return Row(row.tokens[start : start + length], row.labels[start : start + length])


def stack_rows(rows: list[Row], pad: int, device: torch.device) -> Batch:
    """A batch of rows, padded on the right to the longest."""
    width = max(len(row.tokens) for row in rows)
    tokens = [row.tokens + [pad] * (width - len(row.tokens)) for row in rows]
    labels = [row.labels + [IGNORED] * (width - len(row.labels)) for row in rows]
    return Batch(torch.tensor(tokens, device=device), torch.tensor(labels, device=device))
