"""Maths problems with worked solutions, and sums of a few numbers, out of ``reasoning-gym``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ladderscope.studies.answering.items import Fits, Item

_BLOCK = 1000
_BLOCKS = 100
"""As many at most: whoever asks for what there is too little of is to come to an end."""
MARKER = "####"
"""Stands before the final number of a worked solution."""
TERMS, DIGITS = (2, 3), (1, 2)
_INSTRUCTION = "Give the result as your final answer. Do not include units."


@dataclass(frozen=True, slots=True)
class Worded:
    """A question of ``gsm_symbolic`` with its worked solution, and which of the templates it is made from."""

    question: str
    solution: str
    answer: str
    template: int


def maths_items(seed: int, fits: Fits) -> Iterator[Item]:
    """Questions of ``gsm_symbolic`` with their worked solutions."""
    for problem in worded_problems(seed):
        item = Item(problem.question + "\n", problem.solution, problem.answer, problem.template)
        if fits(item.prompt, item.completion):
            yield item


def chain_items(seed: int, fits: Fits) -> Iterator[Item]:
    """Two or three numbers of one or two digits, added and taken away: ``"23 - 60 ="``."""
    limits = {"min_terms": TERMS[0], "max_terms": TERMS[1], "min_digits": DIGITS[0], "max_digits": DIGITS[1]}
    for _, problem in problems("chain_sum", seed, **limits):
        item = Item(f"{problem['metadata']['expression']} =", f" {problem['answer']}", problem["answer"])
        if fits(item.prompt, item.completion):
            yield item


def worded_problems(seed: int) -> Iterator[Worded]:
    """Those of ``gsm_symbolic``, without what all questions say on the form of the answer."""
    for (dataset, place), problem in problems("gsm_symbolic", seed):
        question = problem["question"].strip().removesuffix(_INSTRUCTION).strip()
        template = dataset.task_indices[place]
        yield Worded(question, problem["metadata"]["answer_cot"], problem["answer"], template)


def problems(name: str, seed: int, **settings: Any) -> Iterator[tuple[tuple[Any, int], dict[str, Any]]]:
    """Up to 100,000 problems of a generator, each behind its data set and its place in that."""
    import reasoning_gym

    make: Callable[..., Any] = reasoning_gym.create_dataset
    for block in range(_BLOCKS):
        # A data set draws its problem i from seed + i: seeds that are to differ in all problems must be far apart.
        dataset = make(name, size=_BLOCK, seed=seed + block * _BLOCK, **settings)
        for place in range(_BLOCK):
            yield (dataset, place), dataset[place]
