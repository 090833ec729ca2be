"""Models are asked: the answer of each item is its own, whatever it shares a batch with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ladderscope.records import Cell
from ladderscope.studies.answering.asking import ask, comes_to, generated
from ladderscope.studies.answering.cells import measure_task
from ladderscope.studies.answering.items import TEST, TRAIN, Item, Task, digest_of, write_items

CHOICE = Task(
    name="sentiment",
    way="choice",
    seq_len=32,
    batch_size=8,
    train=16,
    test=16,
    held_out=4,
    choices=(" positive", " negative"),
)
EXACT = replace(CHOICE, name="chain", way="exact")
WRITTEN = replace(CHOICE, name="maths", way="generation", new_tokens=6)
METHODS = ("lora", "ladder", "xladder", "qst", "lst")


def trained(task: Task, items: list[Item], cell: Cell, folder: Path) -> Any:
    """The record of a cell on these items, which are the test set too."""
    for name in (TRAIN, TEST):
        write_items(folder / name, items)
    return measure_task(replace(cell, data=str(folder / TRAIN), seq_len=32, batch_size=8), task)


def test_what_is_learned_is_chosen(cell: Callable[..., Cell], reviews: list[Item], tmp_path: Path) -> None:
    record = trained(CHOICE, reviews, cell("full", steps=22, lr=5e-3), tmp_path)
    assert record.answers["sentiment"].correct == "1" * 16
    assert record.answers["sentiment"].tokens == []
    assert record.eval_loss.after < 0.2 * record.eval_loss.before
    assert record.flops.per_step > 0


def test_answers_say_which_items_they_are_to_and_which_of_these_belong_together(
    cell: Callable[..., Cell], reviews: list[Item], tmp_path: Path
) -> None:
    of_templates = [replace(item, template=place // 2) for place, item in enumerate(reviews)]
    plain = trained(CHOICE, reviews, cell("lora", steps=0), tmp_path).answers["sentiment"]
    assert (plain.groups, plain.items) == ([], digest_of(tmp_path))
    grouped = trained(CHOICE, of_templates, cell("lora", steps=0), tmp_path).answers["sentiment"]
    assert grouped.groups == [place // 2 for place in range(16)]
    assert grouped.items != plain.items
    assert grouped.correct == plain.correct


def test_a_constant_guess_is_right_on_half_of_a_balanced_set(
    cell: Callable[..., Cell], reviews: list[Item], tmp_path: Path
) -> None:
    always = [replace(item, completion=" positive") for item in reviews]
    write_items(tmp_path / TRAIN, always)
    write_items(tmp_path / TEST, reviews)
    there = replace(cell("full", steps=8, lr=5e-3), data=str(tmp_path / TRAIN), seq_len=32, batch_size=8)
    assert measure_task(there, CHOICE).answers["sentiment"].correct == "10" * 8


def test_choices_of_several_tokens_are_refused(shaken: Callable[[str], Any], tokenizer: Any) -> None:
    task = replace(CHOICE, choices=(" positive", " unheard-of"))
    with pytest.raises(ValueError, match="one token each"):
        ask(task, [Item("a", " positive")], shaken("lora"), tokenizer)


@pytest.mark.parametrize("way", [EXACT, WRITTEN])
def test_results_that_were_learned_are_right_and_others_wrong(
    way: Task, cell: Callable[..., Cell], tmp_path: Path
) -> None:
    taught = [Item(f"{a} + {a} =", f" {2 * a}", str(2 * a)) for a in (12, 34, 45, 39)]
    record = trained(way, taught, cell("full", steps=30, lr=5e-3), tmp_path)
    assert record.answers[way.name].correct == "1111"
    assert bool(record.answers[way.name].tokens) == (way is WRITTEN)


def test_a_number_that_goes_on_is_another_one(cell: Callable[..., Cell], tmp_path: Path) -> None:
    taught = [Item(prompt, " 4690") for prompt in ("12 =", "34 + 56 =", "78 - 12 =")]
    write_items(tmp_path / TRAIN, taught)
    write_items(tmp_path / TEST, [*taught, replace(taught[0], completion=" 46"), replace(taught[0], completion=" 5")])
    there = replace(cell("full", steps=25, lr=5e-3), data=str(tmp_path / TRAIN), seq_len=32, batch_size=8)
    assert measure_task(there, EXACT).answers["chain"].correct == "11100"


@pytest.mark.parametrize("method", METHODS)
def test_a_prompt_is_gone_on_with_in_a_padded_batch_as_it_is_alone(
    method: str, shaken: Callable[[str], Any], tokenizer: Any
) -> None:
    model = shaken(method)
    prompts = [
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in ("Review: it was good .\nSentiment:", "12", "56 - 78 + 90 =")
    ]
    together = generated(prompts, 12, model, tokenizer)
    assert together == [generated([prompt], 12, model, tokenizer)[0] for prompt in prompts]
    assert len({tuple(tokens) for tokens in together}) > 1


def test_tokens_are_counted_up_to_the_end_of_text(cell: Callable[..., Cell], tmp_path: Path) -> None:
    items = [Item("12 =", " 12", "12"), Item("34 + 56 - 78 =", " 12", "12")]
    record = trained(WRITTEN, items, cell("full", steps=20, lr=5e-3), tmp_path)
    assert record.answers["maths"].correct == "11"
    assert len(set(record.answers["maths"].tokens)) == 1
    assert record.answers["maths"].tokens[0] < WRITTEN.new_tokens


@pytest.mark.parametrize(
    ("text", "answer", "is_right"),
    [
        ("2 + 3 = 5\n#### 5", "5", True),
        ("2 + 3 = 5\n#### 6", "5", False),
        ("#### 4\n#### 5", "5", True),
        ("the answer is $1,250.", "1250", True),
        ("4 x 2.50 = 10.00", "10", True),
        ("#### -3", "-3", True),
        ("#### none, but 5 before", "5", True),
        ("#### none", "5", False),
        ("", "5", False),
    ],
)
def test_the_last_number_behind_the_last_marker_is_the_answer(text: str, answer: str, *, is_right: bool) -> None:
    assert comes_to(text, answer) == is_right
