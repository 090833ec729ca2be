"""Finite data: packed once, addressed by row, with a held-out part that is never trained on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ladderscope.backbones.loading import load_tokenizer
from ladderscope.backbones.names import resolve_name
from ladderscope.errors import DataError, UsageError
from ladderscope.finetune.dataset import TokenRows, TrainingData, collate, prepare_data
from ladderscope.finetune.settings import TrainSettings
from ladderscope.training.batches import IGNORED, Row

MakeSettings = Callable[..., TrainSettings]
CPU = torch.device("cpu")


@pytest.fixture
def tokenizer(tiny_folder: Path) -> Any:
    return load_tokenizer(resolve_name(str(tiny_folder)))


def write(path: Path, *examples: dict[str, Any]) -> str:
    path.write_text("\n".join(map(json.dumps, examples)), encoding="utf-8")
    return str(path)


def prepare(settings: TrainSettings, tokenizer: Any) -> TrainingData:
    return prepare_data(settings, tokenizer, CPU)


def texts(data: TrainingData, tokenizer: Any) -> list[str]:
    return [tokenizer.decode(data.rows[index]["input_ids"]) for index in range(len(data.rows))]


def held_out_text(data: TrainingData, tokenizer: Any) -> str:
    return "".join(tokenizer.decode(row) for batch in data.held_out for row in batch.input_ids)


def test_a_row_knows_its_number(settings: MakeSettings, tokenizer: Any) -> None:
    rows = prepare(settings(), tokenizer).rows
    assert [rows[index]["row"] for index in range(len(rows))] == list(range(len(rows)))
    assert rows[1]["input_ids"].shape == rows[1]["labels"].shape == (64,)
    batch = collate([rows[2], rows[0]])
    assert batch["row"].tolist() == [2, 0]
    assert torch.equal(batch["input_ids"][1], rows[0]["input_ids"])


def test_rows_are_packed_like_those_that_are_profiled(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    data = write(tmp_path / "d.jsonl", *[{"prompt": "a", "completion": "bc"}] * 4)
    prepared = prepare(settings(data=data, seq_len=6, eval_fraction=0), tokenizer)
    assert texts(prepared, tokenizer) == ["abc<eos>ab"] * 2


def test_the_last_row_is_padded_without_loss(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    data = write(tmp_path / "d.jsonl", *[{"prompt": "a", "completion": "bc"}] * 3)
    row = prepare(settings(data=data, seq_len=6, eval_fraction=0), tokenizer).rows[1]
    assert tokenizer.decode(row["input_ids"]) == "abc<eos><pad><pad>"
    assert tokenizer.decode(row["input_ids"][row["labels"] != IGNORED]) == "bc<eos>"


def test_the_first_token_of_a_row_has_no_label() -> None:
    rows = TokenRows([Row([1, 2, 3], [1, 2, 3])], seq_len=3, pad=0)
    assert rows[0]["labels"].tolist() == [IGNORED, 2, 3]


def test_held_out_examples_are_never_trained_on(settings: MakeSettings, tokenizer: Any) -> None:
    prepared = prepare(settings(eval_fraction=0.2), tokenizer)
    trained, held_out = "".join(texts(prepared, tokenizer)), held_out_text(prepared, tokenizer)
    prompts = [f"{i} + {i} = " for i in range(60)]
    sides = [(f"<eos>{prompt}" in f"<eos>{trained}", prompt in held_out) for prompt in prompts]
    assert not any(both == (True, True) for both in sides)
    assert sum(in_held_out for _, in_held_out in sides) >= 12
    assert prepared.summary["train_examples"] == 48
    assert prepared.summary["held_out_examples"] == 12


def test_an_example_that_occurs_twice_is_on_one_side(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    data = write(tmp_path / "d.jsonl", *[{"completion": f"text {i % 5}"} for i in range(20)])
    prepared = prepare(settings(data=data, eval_fraction=0.05), tokenizer)
    held_out = held_out_text(prepared, tokenizer).replace("<eos>", "")
    assert held_out not in "".join(texts(prepared, tokenizer))
    assert prepared.summary["train_examples"] == 16


def test_the_seed_does_not_change_what_is_held_out(settings: MakeSettings, tokenizer: Any) -> None:
    zero, one = (prepare(settings(seed=seed), tokenizer) for seed in (0, 1))
    assert held_out_text(zero, tokenizer) == held_out_text(one, tokenizer)
    assert zero.summary["fingerprint"] == one.summary["fingerprint"]


def test_data_to_evaluate_on_may_be_given(
    settings: MakeSettings, tokenizer: Any, tmp_path: Path, sums_file: Path
) -> None:
    other = write(tmp_path / "other.jsonl", {"completion": "never seen"})
    prepared = prepare(settings(eval_data=other), tokenizer)
    assert held_out_text(prepared, tokenizer) == "never seen<eos>"
    assert prepared.summary["train_examples"] == 60


def test_without_a_held_out_part_everything_is_trained_on(settings: MakeSettings, tokenizer: Any) -> None:
    prepared = prepare(settings(eval_fraction=0), tokenizer)
    assert (prepared.held_out, prepared.summary["train_examples"]) == ([], 60)


def test_the_end_of_a_text_is_held_out(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a" * 90 + "b" * 10)
    prepared = prepare(settings(data=str(path), eval_fraction=0.1, seq_len=40), tokenizer)
    assert texts(prepared, tokenizer)[:2] == ["a" * 40] * 2
    assert texts(prepared, tokenizer)[2].startswith("a" * 10 + "<eos><pad>")
    assert held_out_text(prepared, tokenizer) == "b" * 10 + "<eos>"


def test_the_fingerprint_sees_every_token(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    def fingerprint(trained: str, held_out: str) -> Any:
        data = write(tmp_path / "d.jsonl", {"completion": "same"}, {"completion": trained})
        other = write(tmp_path / "other.jsonl", {"completion": held_out})
        return prepare(settings(data=data, eval_data=other), tokenizer).summary["fingerprint"]

    assert fingerprint("one", "two") == fingerprint("one", "two")
    assert len({fingerprint("one", "two"), fingerprint("onf", "two"), fingerprint("one", "twp")}) == 3


def test_prompts_that_fill_all_rows_are_refused(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    data = write(tmp_path / "d.jsonl", *[{"prompt": "p" * 80, "completion": "c"}] * 3)
    with pytest.raises(DataError, match="starts within 64 tokens"):
        prepare(settings(data=data, eval_fraction=0), tokenizer)


def test_one_example_again_and_again_is_refused(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    data = write(tmp_path / "d.jsonl", *[{"completion": "same"}] * 4)
    with pytest.raises(DataError, match="nothing is left to train on"):
        prepare(settings(data=data), tokenizer)


def test_a_tokenizer_without_an_end_of_text_is_refused(settings: MakeSettings, tokenizer: Any) -> None:
    tokenizer.eos_token = None
    with pytest.raises(UsageError, match="no end-of-text token"):
        prepare(settings(), tokenizer)


def test_chats_need_a_chat_template(settings: MakeSettings, tokenizer: Any, tmp_path: Path) -> None:
    chat = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "!"}]
    data = write(tmp_path / "d.jsonl", {"messages": chat}, {"completion": "x"})
    chats = dataclasses.replace(settings(data=data), eval_fraction=0)
    assert "[user]?[assistant]!<eos>" in texts(prepare(chats, tokenizer), tokenizer)[0]
    tokenizer.chat_template = None
    with pytest.raises(UsageError, match="no chat template"):
        prepare(chats, tokenizer)
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(DataError, match="no system role"):
        prepare(chats, tokenizer)
