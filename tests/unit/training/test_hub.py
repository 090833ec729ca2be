"""Data sets through the ``datasets`` library: local folders here, hub data sets by the same way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from ladderscope.errors import DataError
from ladderscope.training.examples import load_examples, read_source
from ladderscope.training.hub import is_dataset_name
from ladderscope.training.layouts import Example

CHAT = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def folder(path: Path, **splits: list[dict[str, Any]]) -> str:
    (path / "set").mkdir()
    for name, rows in splits.items():
        (path / "set" / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return str(path / "set")


@pytest.mark.parametrize(
    ("row", "example"),
    [
        ({"prompt": "p", "completion": "c"}, Example(prompt="p", completion="c")),
        ({"question": "q", "answer": "a", "id": 7}, Example(prompt="q\n", completion="a")),
        ({"instruction": "i", "output": "o"}, Example(prompt="i\n", completion="o")),
        ({"instruction": "i", "input": "", "output": "o"}, Example(prompt="i\n", completion="o")),
        ({"instruction": "i", "input": "x", "output": "o"}, Example(prompt="i\n\nx\n", completion="o")),
        ({"messages": CHAT}, Example(completion="4", messages=tuple(CHAT))),
        ({"text": "t"}, Example(completion="t")),
    ],
    ids=str,
)
def test_columns_are_found_by_name(tmp_path: Path, row: dict[str, Any], example: Example) -> None:
    assert read_source(folder(tmp_path, train=[row, row])).examples == [example, example]


def test_a_parquet_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    datasets.Dataset.from_list([{"text": f"{i}"} for i in range(3)]).to_parquet(tmp_path / "set" / "train.parquet")
    assert [example.completion for example in read_source(str(tmp_path / "set")).examples] == ["0", "1", "2"]


def test_a_split_is_chosen_behind_a_colon_and_is_train_by_default(tmp_path: Path) -> None:
    name = folder(tmp_path, train=[{"text": "train"}], test=[{"text": "test"}])
    assert read_source(name).examples == [Example(completion="train")]
    assert read_source(f"{name}:test").examples == [Example(completion="test")]


def test_a_missing_split_is_told_with_those_that_are_there(tmp_path: Path) -> None:
    name = folder(tmp_path, train=[{"text": "train"}], test=[{"text": "test"}])
    with pytest.raises(DataError) as error:
        read_source(f"{name}:dev")
    assert "has the splits train, test: name one as ORG/NAME[/CONFIG][:SPLIT]" in str(error.value)


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    name = folder(tmp_path, train=[{"premise": "p", "label": 1}])
    with pytest.raises(DataError) as error:
        read_source(name)
    assert str(error.value) == (
        f"the data set '{name}' has the columns premise, label: it needs prompt and completion, question and answer, "
        "instruction, input and output, messages, or text."
    )


def test_a_row_unlike_the_first_is_named(tmp_path: Path) -> None:
    name = folder(tmp_path, train=[{"text": "fine"}, {"text": None}])
    with pytest.raises(DataError, match="row 1 of the data set"):
        read_source(name)


def test_a_data_set_can_be_profiled_too(tmp_path: Path) -> None:
    split = load_examples(folder(tmp_path, train=[{"text": f"{i}"} for i in range(20)]), seed=0)
    assert [example.completion for example in split.held_out] == ["18", "19"]
    assert next(split.train).completion in map(str, range(18))


def test_a_hub_that_cannot_be_reached_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError) as error:
        read_source("openai/gsm8k/main:train")
    assert str(error.value) == (
        "cannot load the data set 'openai/gsm8k/main:train': the Hugging Face hub cannot be reached. Connect to it, "
        "or give a local file or folder."
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("openai/gsm8k", True),
        ("openai/gsm8k:test", True),
        ("openai/gsm8k/main:train", True),
        ("allenai/c4-v1.1", True),
        ("data/train.jsonl", False),
        ("../absent", False),
        ("/absent/folder", False),
        ("train", False),
    ],
)
def test_a_name_of_a_data_set_is_told_from_a_path(data: str, expected: bool) -> None:
    assert is_dataset_name(data) == expected
