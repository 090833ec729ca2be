"""An item a row, every batch of one size."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest
import torch

from ladderscope.backbones.loading import Backbone
from ladderscope.records import Cell
from ladderscope.studies.answering.items import Item
from ladderscope.studies.answering.rows import grouped, held_out_batches, padded, row_of, training_batches
from ladderscope.training.batches import IGNORED


@pytest.fixture
def backbone(tokenizer: Any) -> Backbone:
    return Backbone(torch.nn.Linear(1, 1), tokenizer, "random")


def texts(batch: Any, tokenizer: Any) -> list[str]:
    rows = zip(batch.input_ids, batch.attention_mask, strict=True)
    return [tokenizer.decode(ids[mask.bool()]) for ids, mask in rows]


def test_every_step_has_the_cells_tokens_and_loss_on_the_completions_alone(
    cell: Callable[..., Cell], reviews: list[Item], backbone: Backbone
) -> None:
    there = cell("ladder", seq_len=40, batch_size=3)
    for batch in islice(training_batches(reviews, there, backbone), 4):
        assert batch.input_ids.shape == batch.labels.shape == (3, 40)
        assert batch.attention_mask is not None
        trained = batch.labels != IGNORED
        assert trained.sum(1).tolist() == [2, 2, 2]  # the label and the end of text
        assert (batch.attention_mask[trained] == 1).all()
        assert torch.equal(batch.labels[trained], batch.input_ids[trained])


def test_an_epoch_has_every_item_once_and_the_seed_alone_decides_its_order(
    cell: Callable[..., Cell], reviews: list[Item], backbone: Backbone
) -> None:
    def epoch(method: str, seed: int) -> list[str]:
        batches = training_batches(reviews, cell(method, seq_len=40, batch_size=4, seed=seed), backbone)
        return [text for batch in islice(batches, 4) for text in texts(batch, backbone.tokenizer)]

    first = epoch("ladder", 0)
    assert len(set(first)) == len(reviews)
    assert first == epoch("qst", 0)
    assert first != epoch("ladder", 1)
    assert set(first) == set(epoch("ladder", 1))


def test_held_out_rows_are_padded_to_their_neighbours_only(reviews: list[Item], backbone: Backbone) -> None:
    (batch,) = held_out_batches(reviews, backbone)
    assert batch.attention_mask is not None
    assert batch.attention_mask[:, -1].any()
    assert len(texts(batch, backbone.tokenizer)) == len(reviews)


def test_a_row_that_is_too_long_is_not_cut(reviews: list[Item], tokenizer: Any) -> None:
    row = row_of(reviews[0], tokenizer)
    with pytest.raises(ValueError, match="does not fit"):
        padded([row], len(row.tokens) - 1, 0, torch.device("cpu"))


def test_groups_hold_every_row_once_and_few_tokens() -> None:
    lengths = [100, 3, 900, 1500, 7, 100, 3000]
    groups = grouped(lengths)
    assert sorted(place for group in groups for place in group) == list(range(7))
    assert all(len(group) == 1 or len(group) * max(lengths[i] for i in group) <= 2048 for group in groups)
    assert [len(group) for group in grouped(lengths, most_rows=3)] == [3, 3, 1]
