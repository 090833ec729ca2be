"""The finite data of a run: training rows that are addressed by index, and the held-out batches."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ladderscope.errors import DataError, UsageError
from ladderscope.finetune.settings import TrainSettings
from ladderscope.training.batches import (
    HELD_OUT_BATCH,
    IGNORED,
    Batch,
    Row,
    cut_row,
    has_loss,
    no_completion,
    pack_rows,
    slice_row,
    stack_rows,
    to_row,
)
from ladderscope.training.examples import Source, read_source, split_text
from ladderscope.training.layouts import Example

_SPLIT_SEED = 987_654_321
"""Fixed, so that runs with different seeds hold out the same examples."""


class TokenRows(Dataset[dict[str, Any]]):
    """Training rows of one length.

    Args:
        rows: not longer than ``seq_len``; shorter ones are padded on the right with ``pad``, without loss.
        seq_len: tokens per row.
        pad: token id.
    """

    def __init__(self, rows: list[Row], seq_len: int, pad: int) -> None:
        # int32 halves what a large data set takes.
        self.input_ids = torch.full((len(rows), seq_len), pad, dtype=torch.int32)
        self.labels = torch.full((len(rows), seq_len), IGNORED, dtype=torch.int32)
        for index, row in enumerate(rows):
            self.input_ids[index, : len(row.tokens)] = torch.tensor(row.tokens)
            self.labels[index, : len(row.tokens)] = torch.tensor(row.labels)
        # Nothing predicts the first token of a row. Without its label, Trainer's count of trained tokens is right
        # for every model class, whether it knows that the loss shifts the labels or not.
        self.labels[:, 0] = IGNORED

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Row ``index``: its number, ``input_ids`` and ``labels``, both (seq_len,) of int64."""
        return {"row": index, "input_ids": self.input_ids[index].long(), "labels": self.labels[index].long()}


def collate(rows: list[dict[str, Any]]) -> dict[str, Tensor]:
    """A batch of rows: ``row`` (B,), ``input_ids`` and ``labels`` (B, seq_len)."""
    return {
        "row": torch.tensor([row["row"] for row in rows]),
        "input_ids": torch.stack([row["input_ids"] for row in rows]),
        "labels": torch.stack([row["labels"] for row in rows]),
    }


@dataclass(frozen=True)
class TrainingData:
    """What a run trains and evaluates on; ``held_out`` is empty where nothing is held out."""

    rows: TokenRows
    held_out: list[Batch]
    summary: dict[str, Any]


def prepare_data(settings: TrainSettings, tokenizer: Any, device: torch.device) -> TrainingData:
    """Read, split, tokenise and pack the data of a run.

    Raises:
        DataError: it leaves nothing to train on, or nothing to evaluate on.
        UsageError: the tokenizer cannot tokenise it.
    """
    cell = settings.cell
    source = read_source(cell.data)
    train, held_out = _split(source, settings.eval_fraction if settings.eval_data is None else 0, cell.data)
    _check_tokenizer(tokenizer, [*train, *held_out], cell.model)
    if source.continuous:
        (text,) = _tokenize(train, tokenizer)
        rows = _consecutive(text, cell.seq_len)
    else:
        rows = list(pack_rows(_tokenize(train, tokenizer), cell.seq_len))
    rows = [row for row in rows if has_loss(row)]
    if not rows:
        raise no_completion(cell.data, cell.seq_len)
    evaluated = Source(held_out, source.continuous) if settings.eval_data is None else read_source(settings.eval_data)
    batches = _held_out_batches(evaluated, settings, tokenizer, device)
    token_rows = TokenRows(rows, cell.seq_len, _pad(tokenizer))
    return TrainingData(token_rows, batches, _summarize(train, evaluated, token_rows, batches))


def _split(source: Source, fraction: float, data: str) -> tuple[list[Example], list[Example]]:
    if fraction == 0:
        return source.examples, []
    if source.continuous:
        (text,) = source.examples
        kept, tail = split_text(text, at=round(len(text.completion) * (1 - fraction)))
        return [kept], [tail]
    examples = source.examples
    if len(examples) < 2:
        raise DataError(f"{data} holds {len(examples)} examples: at least 2 are needed, one of them to evaluate on.")
    number = min(len(examples) - 1, max(1, round(len(examples) * fraction)))
    chosen = set(random.Random(_SPLIT_SEED).sample(range(len(examples)), number))
    held_out = [example for index, example in enumerate(examples) if index in chosen]
    # An example that occurs twice must not be on both sides.
    known = {repr(example) for example in held_out}
    train = [example for index, example in enumerate(examples) if index not in chosen and repr(example) not in known]
    if not train:
        raise DataError(f"{data} holds the same example again and again: nothing is left to train on.")
    return train, held_out


def _check_tokenizer(tokenizer: Any, examples: Iterable[Example], model: str) -> None:
    if tokenizer.eos_token_id is None:
        raise UsageError(
            f"the tokenizer of {model} has no end-of-text token, which ends every example: set its `eos_token` and "
            "save it again."
        )
    if any(example.messages for example in examples) and not getattr(tokenizer, "chat_template", None):
        raise UsageError(
            f"the tokenizer of {model} has no chat template, which `messages` need: give `prompt` and `completion`, "
            "or an instruct model."
        )


def _tokenize(examples: list[Example], tokenizer: Any) -> Iterable[Row]:
    from jinja2 import TemplateError

    for example in examples:
        try:
            yield to_row(example, tokenizer)
        except TemplateError as error:
            raise DataError(f"the model's chat template refuses a chat of the data: {error}.") from error


def _consecutive(text: Row, seq_len: int) -> list[Row]:
    return [slice_row(text, start, seq_len) for start in range(0, len(text.tokens), seq_len)]


def _held_out_batches(source: Source, settings: TrainSettings, tokenizer: Any, device: torch.device) -> list[Batch]:
    """A row for each example, cut at the sequence length; text in consecutive rows."""
    if not source.examples:
        return []
    rows = list(_tokenize(source.examples, tokenizer))
    seq_len = settings.cell.seq_len
    rows = _consecutive(rows[0], seq_len) if source.continuous else [cut_row(row, seq_len) for row in rows]
    # Rows of a like length together, so that little is spent on padding.
    rows = sorted((row for row in rows if has_loss(row)), key=lambda row: len(row.tokens))
    if not rows:
        raise DataError(
            f"{settings.eval_data or settings.cell.data} leaves no held-out token to evaluate on: give more text, "
            "raise --seq-len, or switch evaluation off with --eval-fraction 0."
        )
    size = HELD_OUT_BATCH
    return [stack_rows(rows[i : i + size], _pad(tokenizer), device) for i in range(0, len(rows), size)]


def _pad(tokenizer: Any) -> int:
    pad = tokenizer.pad_token_id
    return int(tokenizer.eos_token_id if pad is None else pad)


def _fingerprint(rows: TokenRows, held_out: list[Batch]) -> str:
    """16 hexadecimal digits that depend on every token and label."""
    digest = hashlib.sha256()
    tensors = [rows.input_ids, rows.labels]
    for batch in held_out:
        tensors += [batch.input_ids, batch.labels]
    for tensor in tensors:
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _summarize(train: list[Example], held_out: Source, rows: TokenRows, batches: list[Batch]) -> dict[str, Any]:
    return {
        "train_examples": len(train),
        "train_rows": len(rows),
        "train_tokens_per_epoch": int((rows.labels != IGNORED).sum()),
        "held_out_examples": len(held_out.examples),
        "held_out_tokens": sum(batch.num_trained_tokens for batch in batches),
        "fingerprint": _fingerprint(rows, batches),
    }
