"""Maths problems with worked solutions, and sums of a few numbers, out of ``reasoning-gym``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from ladderscope.studies.answering.items import Fits, Item

_BLOCK = 1000
MARKER = "####"
"""Stands before the final number of a worked solution."""
TERMS, DIGITS = (2, 3), (1, 2)
_INSTRUCTION = "Give the result as your final answer. Do not include units."


def maths_items(seed: int, fits: Fits) -> Iterator[Item]:
    """Questions of ``gsm_symbolic`` with their worked solutions, without an end."""
    for problem in problems("gsm_symbolic", seed):
        item = Item(question_in(problem) + "\n", problem["metadata"]["answer_cot"], problem["answer"])
        if fits(item.prompt, item.completion):
            yield item


def chain_items(seed: int, fits: Fits) -> Iterator[Item]:
    """Two or three numbers of one or two digits, added and taken away: ``"23 - 60 ="``."""
    limits = {"min_terms": TERMS[0], "max_terms": TERMS[1], "min_digits": DIGITS[0], "max_digits": DIGITS[1]}
    for problem in problems("chain_sum", seed, **limits):
        item = Item(f"{problem['metadata']['expression']} =", f" {problem['answer']}", problem["answer"])
        if fits(item.prompt, item.completion):
            yield item


def question_in(problem: dict[str, Any]) -> str:
    """The question of a ``gsm_symbolic`` problem, without what all of them say on the form of the answer."""
    text: str = problem["question"]
    return text.strip().removesuffix(_INSTRUCTION).strip()


def problems(name: str, seed: int, **settings: Any) -> Iterator[dict[str, Any]]:
    """Problems of a generator, without an end."""
    import reasoning_gym

    make: Callable[..., Any] = reasoning_gym.create_dataset
    for block in count():
        # A data set draws its problem i from seed + i: seeds that are to differ in all problems must be far apart.
        yield from make(name, size=_BLOCK, seed=seed + block * _BLOCK, **settings)
