from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import DataError
from ladderscope.training.examples import (
    GSM_SYMBOLIC,
    HELD_OUT_EXAMPLES,
    RANDOM,
    check_data,
    load_examples,
)
from ladderscope.training.layouts import Example

WriteJsonl = Callable[..., str]
USER = {"role": "user", "content": "2 + 2?"}
ASSISTANT = {"role": "assistant", "content": "4"}


def first_examples(data: str, seed: int, number: int) -> list[Example]:
    return list(islice(load_examples(data, seed).train, number))


def numbered(number: int) -> list[dict[str, Any]]:
    return [{"prompt": f"question {i}", "completion": f"answer {i}"} for i in range(number)]


# ---------------------------------------------------------------- gsm-symbolic


def test_the_seed_alone_decides_the_generated_problems() -> None:
    assert first_examples(GSM_SYMBOLIC, seed=3, number=20) == first_examples(GSM_SYMBOLIC, seed=3, number=20)
    assert first_examples(GSM_SYMBOLIC, seed=3, number=20) != first_examples(GSM_SYMBOLIC, seed=4, number=20)


def test_the_completion_is_the_worked_solution() -> None:
    for example in first_examples(GSM_SYMBOLIC, seed=0, number=20):
        steps, answer = example.completion.rsplit("\n#### ", 1)
        assert "=" in steps
        assert float(answer) >= 0


def test_held_out_problems_are_the_same_for_every_seed() -> None:
    held_out = load_examples(GSM_SYMBOLIC, seed=0).held_out
    assert len(held_out) == HELD_OUT_EXAMPLES
    assert load_examples(GSM_SYMBOLIC, seed=1).held_out == held_out


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_held_out_problems_are_not_trained_on(seed: int) -> None:
    trained_on = {example.prompt for example in first_examples(GSM_SYMBOLIC, seed, number=1000)}
    assert trained_on.isdisjoint(example.prompt for example in load_examples(GSM_SYMBOLIC, seed).held_out)


# ---------------------------------------------------------------- JSONL


def test_a_line_is_a_prompt_and_its_completion(write_jsonl: WriteJsonl) -> None:
    split = load_examples(write_jsonl(*numbered(2)), seed=0)
    assert next(split.train) == Example(prompt="question 0", completion="answer 0")
    assert split.held_out == [Example(prompt="question 1", completion="answer 1")]


def test_a_prompt_may_be_left_out(write_jsonl: WriteJsonl) -> None:
    data = write_jsonl({"completion": "just text"}, {"completion": "more text"})
    assert first_examples(data, seed=0, number=1) == [Example(completion="just text")]


def test_a_chat_is_learned_from_its_last_answer(write_jsonl: WriteJsonl) -> None:
    data = write_jsonl({"messages": [USER, ASSISTANT]}, *numbered(1))
    assert first_examples(data, seed=0, number=1) == [Example(completion="4", messages=(USER, ASSISTANT))]


def test_the_last_tenth_is_held_out_up_to_the_usual_number(write_jsonl: WriteJsonl) -> None:
    answers = [example.completion for example in load_examples(write_jsonl(*numbered(30)), seed=0).held_out]
    assert answers == ["answer 27", "answer 28", "answer 29"]
    assert len(load_examples(write_jsonl(*numbered(200)), seed=0).held_out) == HELD_OUT_EXAMPLES


def test_an_epoch_has_every_other_example_once_in_an_order_of_the_seed(write_jsonl: WriteJsonl) -> None:
    data = write_jsonl(*numbered(20))
    epochs = [first_examples(data, seed, number=18) for seed in (0, 0, 1)]
    assert {example.completion for example in epochs[0]} == {f"answer {i}" for i in range(18)}
    assert epochs[0] == epochs[1] != epochs[2]


def test_another_epoch_follows_in_another_order(write_jsonl: WriteJsonl) -> None:
    examples = first_examples(write_jsonl(*numbered(20)), seed=0, number=36)
    first, second = examples[:18], examples[18:]
    assert set(first) == set(second)
    assert first != second


def test_blank_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('\n{"completion": "one"}\n\n{"completion": "two"}\n\n', encoding="utf-8")
    assert next(load_examples(str(path), seed=0).train).completion == "one"


def test_a_line_ends_at_a_newline_only(tmp_path: Path) -> None:
    """Web text is full of U+2028 and U+0085, which JSON allows in strings and Python counts as line ends."""
    path = tmp_path / "examples.jsonl"
    lines = [json.dumps({"completion": text}, ensure_ascii=False) for text in ("one\u2028line\x85still", "two")]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert next(load_examples(str(path), seed=0).train).completion == "one\u2028line\x85still"


def test_a_path_may_start_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "notes.txt").write_text("some text", encoding="utf-8")
    assert load_examples("~/notes.txt", seed=0).continuous


# ---------------------------------------------------------------- text


def test_text_is_trained_on_but_for_its_last_tenth(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a" * 90 + "b" * 10, encoding="utf-8")
    split = load_examples(str(path), seed=0)
    assert split.continuous
    assert list(split.train) == [Example(completion="a" * 90)]
    assert split.held_out == [Example(completion="b" * 10)]


# ---------------------------------------------------------------- what cannot be read


def message(data: str) -> str:
    with pytest.raises(DataError) as error:
        check_data(data)
    return str(error.value)


def test_a_missing_file_is_named_with_what_can_be_given(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.jsonl")
    assert message(missing) == (
        f"unknown data {missing!r}: give gsm-symbolic, random, random-padded, the path of a .jsonl or a text file, "
        "or a data set as ORG/NAME[/CONFIG][:SPLIT]."
    )


def test_a_folder_is_no_data(tmp_path: Path) -> None:
    assert repr(str(tmp_path)) in message(str(tmp_path))


@pytest.mark.parametrize("name", ["empty.jsonl", "empty.txt"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("\n \n", encoding="utf-8")
    assert re.fullmatch(rf"{re.escape(str(path))} (is empty|holds 0 examples): .+\.", message(str(path)))


def test_one_example_is_too_few(write_jsonl: WriteJsonl) -> None:
    data = write_jsonl(*numbered(1))
    assert message(data).startswith(f"{data} holds 1 example")
    assert message(data).endswith("at least 2 are needed, one of them to evaluate on.")


@pytest.mark.parametrize("line", ["question, answer", '{"completion": "cut', "{'completion': 'single quotes'}"])
def test_a_line_that_is_not_json_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text(f'{{"completion": "fine"}}\n\n{line}\n', encoding="utf-8")
    assert message(str(path)) == f"line 3 of {path} is not JSON: give one JSON object per line."


@pytest.mark.parametrize(
    "example",
    [
        {},
        {"prompt": "no completion"},
        {"completion": 4},
        {"completion": None},
        {"prompt": [USER], "completion": "a prompt that is no text"},
        {"messages": []},
        {"messages": "2 + 2?"},
        {"messages": [USER]},
        {"messages": [ASSISTANT, USER]},
        {"messages": [{"role": "user"}, ASSISTANT]},
        {"messages": [USER, {"role": "assistant", "content": None}]},
        ["a", "list"],
        4,
    ],
    ids=json.dumps,
)
def test_a_line_without_a_completion_is_named(write_jsonl: WriteJsonl, example: Any) -> None:
    data = write_jsonl({"completion": "fine"}, example)
    assert message(data) == (
        f"line 2 of {data} has neither `prompt` and `completion`, nor `messages` that end with the assistant's."
    )


@pytest.mark.parametrize("name", ["latin1.jsonl", "latin1.txt"])
def test_a_file_that_is_not_utf8_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes('{"completion": "café"}'.encode("latin-1"))
    assert message(str(path)).startswith(f"cannot read {path} as UTF-8 text: ")


@pytest.mark.parametrize("data", [GSM_SYMBOLIC, RANDOM])
def test_a_known_source_passes_the_check(data: str) -> None:
    check_data(data)
