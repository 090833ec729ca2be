"""The files of the tasks, in the studies' work folder."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from ladderscope.errors import LadderscopeError
from ladderscope.studies.answering.critic import critic_items, question_of
from ladderscope.studies.answering.generators import chain_items, maths_items
from ladderscope.studies.answering.items import RECIPE, TEST, TRAIN, Fits, Item, Task, write_items
from ladderscope.studies.answering.reviews import sentiment_items

TRAIN_SEED, TEST_SEED = 10_000_000, 900_000_000
_NUMBERS = "task.json"
"""Lies beside the two files: what they were made for."""
_CRITIC_SHIFT = 50_000_000
"""Critics judge other problems than those that are solved."""


def make_task(task: Task, work: Path, tokenizer: Any, reviews: Callable[[], str], say: Callable[[str], None]) -> None:
    """Write both files of a task where ``work`` lacks them, or has them for other numbers of the task.

    Args:
        task: which.
        work: the studies' work folder.
        tokenizer: measures what fits into the task's rows.
        reviews: gives the text of rated sentences.
        say: is told of what takes a moment.

    Raises:
        LadderscopeError: there are too few items.
    """
    folder = work / RECIPE / task.name
    numbers = json.dumps(asdict(task), sort_keys=True)
    if _text_of(folder / _NUMBERS) == numbers:
        return
    say(f"making the task {task.name}")
    train, test = split_of(task, fitting(task, tokenizer), reviews)
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    write_items(new / TRAIN, train)
    write_items(new / TEST, test)
    (new / _NUMBERS).write_text(numbers, encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    new.rename(folder)  # a folder that is there is whole


def split_of(task: Task, fits: Fits, reviews: Callable[[], str]) -> tuple[list[Item], list[Item]]:
    """Items to train on and of the test, no prompt twice, and no question in both.

    Raises:
        LadderscopeError: there are too few.
    """
    if task.name == "sentiment":
        items = list(islice(sentiment_items(reviews(), fits), task.test + task.train))
        test, train = items[: task.test], items[task.test :]
    elif task.name == "critic":
        test = list(islice(critic_items(TEST_SEED + _CRITIC_SHIFT, fits, per_template=task.per_template), task.test))
        asked = frozenset(question_of(item.prompt) for item in test)
        train = list(islice(critic_items(TRAIN_SEED + _CRITIC_SHIFT, fits, asked), task.train))
    else:
        make = {"maths": maths_items, "chain": chain_items}[task.name]
        test = list(islice(_few(_fresh(make(TEST_SEED, fits), ()), task.per_template), task.test))
        train = list(islice(_fresh(make(TRAIN_SEED, fits), test), task.train))
    if (len(train), len(test)) != (task.train, task.test):
        raise LadderscopeError(
            f"{task.name} has {len(train)} items to train on and {len(test)} to test: ask for fewer."
        )
    return train, test


def fitting(task: Task, tokenizer: Any) -> Fits:
    """Whether prompt, completion and the end of text fill at most a row of the task, and can be written within it."""

    def length(text: str) -> int:
        return len(tokenizer(text, add_special_tokens=False)["input_ids"])

    def fits(prompt: str, completion: str) -> bool:
        written = length(completion) + 1
        return length(prompt) + written <= task.seq_len and (not task.new_tokens or written <= task.new_tokens)

    return fits


def _fresh(items: Iterable[Item], taken: Iterable[Item]) -> Iterator[Item]:
    """Those whose prompt has not come before."""
    seen = {item.prompt for item in taken}
    for item in items:
        if item.prompt not in seen:
            seen.add(item.prompt)
            yield item


def _few(items: Iterable[Item], per_template: int) -> Iterator[Item]:
    """At most that many of each template, where there are templates; 0 for any number."""
    taken: Counter[int | None] = Counter()
    for item in items:
        if not per_template or item.template is None or taken[item.template] < per_template:
            taken[item.template] += 1
            yield item


def _text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
