from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ladderscope.errors import DataError
from ladderscope.methods import get_method
from ladderscope.records import Cell
from ladderscope.training.batches import HELD_OUT_TOKENS, IGNORED, Batch, held_out_batches, training_batches
from ladderscope.training.loss import chunked_loss, full_loss

CPU = torch.device("cpu")
VOCAB_SIZE = 512
PROSE = "".join(f"Sentence {i} of a text without examples. " for i in range(400))
CHATS = [{"messages": [{"role": "user", "content": f"{i}?"}, {"role": "assistant", "content": "!"}]} for i in range(9)]


@pytest.fixture(params=["gsm-symbolic", "random", "jsonl", "chat", "text"])
def data(request: pytest.FixtureRequest, write_jsonl: Callable[..., str], write_text: Callable[[str], str]) -> str:
    """Every kind of source."""
    if request.param == "jsonl":
        return write_jsonl(*({"prompt": f"question {i} ", "completion": f"answer {i}"} for i in range(50)))
    if request.param == "chat":
        return write_jsonl(*CHATS)
    return write_text(PROSE) if request.param == "text" else str(request.param)


def cell(data: str, **settings: Any) -> Cell:
    return dataclasses.replace(Cell(model="random:tiny-llama", method="full", data=data, seq_len=512), **settings)


def first_batches(cell: Cell, tokenizer: Any, number: int = 3) -> list[Batch]:
    return list(islice(training_batches(cell, tokenizer, VOCAB_SIZE, CPU), number))


def held_out(cell: Cell, tokenizer: Any) -> list[Batch]:
    return held_out_batches(cell, tokenizer, VOCAB_SIZE, CPU)


def tokens(batches: list[Batch]) -> list[list[Any]]:
    return [batch.input_ids.tolist() for batch in batches]


def trained_text(tokenizer: Any, row: int, batch: Batch) -> str:
    """What of a row has a loss, as text."""
    text: str = tokenizer.decode(batch.input_ids[row][batch.labels[row] != IGNORED])
    return text


# ---------------------------------------------------------------- training rows


@pytest.mark.parametrize("batch_size", [1, 3])
def test_every_training_row_has_exactly_the_sequence_length(data: str, tokenizer: Any, batch_size: int) -> None:
    for batch in first_batches(cell(data, seq_len=300, batch_size=batch_size), tokenizer, number=5):
        assert batch.input_ids.shape == batch.labels.shape == (batch_size, 300)
        assert batch.input_ids.dtype == batch.labels.dtype == torch.int64


def test_the_seed_decides_the_order(data: str, tokenizer: Any) -> None:
    batches = tokens(first_batches(cell(data, seed=1), tokenizer))
    assert tokens(first_batches(cell(data, seed=1), tokenizer)) == batches
    assert tokens(first_batches(cell(data, seed=2), tokenizer)) != batches


def test_method_and_optimizer_see_the_same_batches(data: str, tokenizer: Any) -> None:
    other = cell(data, method="ladder", reduction_factor=8, optimizer="adamw-8bit", lr=1.0, dtype="fp32", steps=99)
    assert tokens(first_batches(other, tokenizer)) == tokens(first_batches(cell(data), tokenizer))


def test_no_row_is_without_a_loss(data: str, tokenizer: Any) -> None:
    batches = first_batches(cell(data, seq_len=256), tokenizer, number=20)
    assert all(batch.num_trained_tokens > 0 for batch in batches)


def test_a_label_is_the_token_of_its_place_or_ignored(data: str, tokenizer: Any) -> None:
    for batch in first_batches(cell(data), tokenizer):
        assert torch.equal(batch.labels, torch.where(batch.labels == IGNORED, IGNORED, batch.input_ids))


def test_the_loss_is_on_the_completion_not_on_the_prompt(tokenizer: Any, write_jsonl: Callable[..., str]) -> None:
    data = write_jsonl(*[{"prompt": "ask ", "completion": "tell"}] * 2)
    (batch,) = first_batches(cell(data, seq_len=len("ask tell") + 1), tokenizer, number=1)
    assert tokenizer.decode(batch.input_ids[0]) == "ask tell<eos>"
    assert trained_text(tokenizer, 0, batch) == "tell<eos>"


def test_the_loss_of_a_chat_is_on_its_last_answer(tokenizer: Any, write_jsonl: Callable[..., str]) -> None:
    turns = [("system", "sys"), ("user", "one"), ("assistant", "two"), ("user", "three"), ("assistant", "four")]
    chat = {"messages": [{"role": role, "content": content} for role, content in turns]}
    (batch,) = held_out(cell(write_jsonl(chat, chat)), tokenizer)
    assert tokenizer.decode(batch.input_ids[0]) == (
        "[system]sys[user]one[assistant]two[user]three[assistant]four<eos>"
    )
    assert trained_text(tokenizer, 0, batch) == "four<eos>"


def test_the_example_at_the_end_of_a_row_is_cut_and_the_next_row_starts_with_a_new_one(
    tokenizer: Any, write_jsonl: Callable[..., str]
) -> None:
    data = write_jsonl(*[{"prompt": "a", "completion": "bc"}] * 2)
    (batch,) = first_batches(cell(data, seq_len=6, batch_size=2), tokenizer, number=1)
    assert [tokenizer.decode(row) for row in batch.input_ids] == ["abc<eos>ab"] * 2


def test_a_row_that_a_prompt_fills_is_left_out(tokenizer: Any, write_jsonl: Callable[..., str]) -> None:
    short, long = {"prompt": "a", "completion": "bcdefgh"}, {"prompt": "p" * 8, "completion": "c"}
    data = write_jsonl(short, *[long] * 5, short)
    batches = first_batches(cell(data, seq_len=8), tokenizer, number=10)
    assert {tokenizer.decode(batch.input_ids[0]) for batch in batches} == {"abcdefgh"}


def test_prompts_that_all_fill_the_row_are_refused(tokenizer: Any, write_jsonl: Callable[..., str]) -> None:
    data = write_jsonl(*[{"prompt": "p" * 64, "completion": "c"}] * 2)
    with pytest.raises(DataError) as error:
        first_batches(cell(data, seq_len=64), tokenizer)
    assert str(error.value) == f"no completion in {data} starts within 64 tokens: raise the sequence length."


def test_text_is_cut_into_consecutive_rows_that_come_once_per_epoch(
    tokenizer: Any, write_text: Callable[[str], str]
) -> None:
    text = "".join(chr(ord("A") + i // 4) for i in range(100))
    trained = text[:88]  # nine tenths, in whole rows
    batches = first_batches(cell(write_text(text), seq_len=4), tokenizer, number=44)
    rows = [tokenizer.decode(batch.input_ids[0]) for batch in batches]
    in_order = [trained[i : i + 4] for i in range(0, len(trained), 4)]
    assert sorted(rows[:22]) == sorted(rows[22:]) == in_order
    assert rows[:22] != rows[22:]
    assert all((batch.labels == batch.input_ids).all() for batch in batches)


def test_text_shorter_than_a_row_is_refused(tokenizer: Any, write_text: Callable[[str], str]) -> None:
    data = write_text("x" * 50)
    with pytest.raises(DataError) as error:
        first_batches(cell(data, seq_len=64), tokenizer)
    assert str(error.value) == (
        f"{data} holds 46 tokens to train on, fewer than one row of 64: give more text, or lower the sequence length."
    )


# ---------------------------------------------------------------- the held-out set


@pytest.mark.parametrize("setting", [{"seed": 5}, {"batch_size": 3}, {"seq_len": 300}, {"method": "lora"}], ids=str)
def test_the_held_out_set_is_the_same_for_every_cell(data: str, tokenizer: Any, setting: dict[str, Any]) -> None:
    assert tokens(held_out(cell(data, **setting), tokenizer)) == tokens(held_out(cell(data), tokenizer))


@pytest.mark.parametrize("data", ["gsm-symbolic", "jsonl", "chat", "text"], indirect=True)
def test_held_out_rows_do_not_shrink_with_the_training_rows(data: str, tokenizer: Any) -> None:
    assert tokens(held_out(cell(data, seq_len=16), tokenizer)) == tokens(held_out(cell(data), tokenizer))


def test_held_out_rows_are_cut_at_a_fixed_length(tokenizer: Any, write_text: Callable[[str], str]) -> None:
    (batch,) = held_out(cell(write_text(PROSE)), tokenizer)
    assert batch.input_ids.shape == (1, HELD_OUT_TOKENS)


def test_a_short_held_out_row_is_padded_on_the_right_without_loss(
    tokenizer: Any, write_jsonl: Callable[..., str]
) -> None:
    examples = [{"prompt": "p", "completion": completion} for completion in ["-"] * 18 + ["abcd", "a"]]
    (batch,) = held_out(cell(write_jsonl(*examples)), tokenizer)
    shortest_first = [tokenizer.decode(row) for row in batch.input_ids]
    assert shortest_first == ["pa<eos><pad><pad><pad>", "pabcd<eos>"]
    assert trained_text(tokenizer, 0, batch) == "a<eos>"


def test_held_out_examples_whose_completion_is_cut_off_are_left_out(
    tokenizer: Any, write_jsonl: Callable[..., str]
) -> None:
    far, near = {"prompt": "p" * HELD_OUT_TOKENS, "completion": "c"}, {"prompt": "p", "completion": "c"}
    (batch,) = held_out(cell(write_jsonl(*[near] * 18, near, far)), tokenizer)
    assert [tokenizer.decode(row) for row in batch.input_ids] == ["pc<eos>"]


@pytest.mark.parametrize("example", [{"prompt": "p" * HELD_OUT_TOKENS, "completion": "c"}, {"completion": ""}])
def test_data_that_leaves_nothing_to_evaluate_is_refused(
    example: dict[str, str], tokenizer: Any, write_jsonl: Callable[..., str]
) -> None:
    """An end of text alone is no more than the first token of its row."""
    data = write_jsonl(example, example)
    with pytest.raises(DataError) as error:
        held_out(cell(data), tokenizer)
    assert str(error.value) == f"{data} leaves no held-out token to evaluate on: give more text."


# ---------------------------------------------------------------- trained tokens


def shifted_cross_entropy(logits: Tensor, batch: Batch, reduction: str) -> Tensor:
    predictions, targets = logits[:, :-1].flatten(0, 1), batch.labels[:, 1:].flatten()
    return nn.functional.cross_entropy(predictions, targets, ignore_index=IGNORED, reduction=reduction)


def test_the_trained_tokens_are_those_that_cross_entropy_averages_over(data: str, tokenizer: Any) -> None:
    (batch,) = first_batches(cell(data, batch_size=3), tokenizer, number=1)
    logits = torch.randn(3, 512, VOCAB_SIZE, generator=torch.Generator().manual_seed(0))
    mean, total = (shifted_cross_entropy(logits, batch, reduction) for reduction in ("mean", "sum"))
    torch.testing.assert_close(mean * batch.num_trained_tokens, total)


def test_nothing_predicts_the_first_token_of_a_row() -> None:
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    assert Batch(ids, ids).num_trained_tokens == 4
    assert Batch(ids, torch.tensor([[1, IGNORED, IGNORED], [IGNORED, 5, 6]])).num_trained_tokens == 2


# ---------------------------------------------------------------- padded rows


def test_padded_rows_are_masked_and_have_no_loss_where_they_are_padded(tiny_cell: Callable[..., Cell]) -> None:
    cell = tiny_cell(data="random-padded", seq_len=32, batch_size=4)
    batch = next(training_batches(cell, None, 100, torch.device("cpu")))
    assert batch.attention_mask is not None
    assert batch.input_ids.shape == batch.labels.shape == batch.attention_mask.shape == (4, 32)
    lengths = batch.attention_mask.sum(dim=1)
    assert ((lengths >= 16) & (lengths < 32)).all()
    assert len(set(lengths.tolist())) > 1
    for row, length in enumerate(lengths.tolist()):
        assert batch.attention_mask[row, :length].all()
        assert torch.equal(batch.input_ids[row, :length], batch.labels[row, :length])
        assert (batch.labels[row, length:] == IGNORED).all()
    assert batch.num_trained_tokens == int((lengths - 1).sum())


@pytest.mark.parametrize("method", ["lora", "ladder"])
def test_padding_changes_no_loss(tiny_cell: Callable[..., Cell], tiny_model: Callable[..., Any], method: str) -> None:
    """What is predicted of a padded batch is what its rows give alone, with both losses."""
    cell = tiny_cell(method=method, data="random-padded", seq_len=16, batch_size=2)
    torch.manual_seed(0)
    model = get_method(method).build(tiny_model(), cell).eval()
    batch = next(training_batches(cell, None, 100, torch.device("cpu")))
    assert batch.attention_mask is not None
    alone = [
        full_loss(model, Batch(batch.input_ids[row, None, :length], batch.labels[row, None, :length]))
        for row, length in enumerate(batch.attention_mask.sum(dim=1).tolist())
    ]
    for loss in (full_loss, chunked_loss):
        assert torch.allclose(loss(model, batch), torch.stack(alone).sum(), rtol=1e-4)
