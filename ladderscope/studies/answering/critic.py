"""Worked solutions that are true, or have one step spoiled, to be judged."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from ladderscope.studies.answering.items import Fits, Item
from ladderscope.studies.answering.generators import problems, question_in

YES, NO = " yes", " no"
ASKED = "\nIs every step of this solution right?"
_RESULT = re.compile(
    r"(?P<left>[^=\n]*)=\s*[€$£]?(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"(?![\d.,]*\d)"  # the whole number
    r"(?!\s*[-+*/x×÷=(])"  # and not the first one of a further expression
)
_OPERATION = re.compile(r"\d.*[-+*/x×÷]")
_SHIFTS = (-10, -3, -2, -1, 1, 2, 3, 10)


def critic_items(seed: int, fits: Fits, without: frozenset[str] = frozenset()) -> Iterator[Item]:
    """Questions with a solution, each question once, a true one and a spoiled one in turn, without an end.

    Args:
        seed: of the problems and of what is spoiled.
        fits: keeps what is short enough.
        without: questions that are left out.
    """
    rng, seen, is_true = random.Random(seed), set(without), True
    for problem in problems("gsm_symbolic", seed):
        solution = problem["metadata"]["answer_cot"]
        spoiled = spoil(solution, rng)
        question = question_in(problem)
        if spoiled is None or question in seen:
            continue
        text = solution if is_true else spoiled
        item = Item(f"Question: {question}\nSolution: {text}{ASKED}", YES if is_true else NO)
        if fits(item.prompt, item.completion):
            seen.add(question)
            yield item
            is_true = not is_true


def question_of(prompt: str) -> str:
    """The question in a prompt."""
    return prompt.removeprefix("Question: ").split("\nSolution: ")[0]


def spoil(solution: str, rng: random.Random) -> str | None:
    """The solution with the result of one equation changed, and nothing else; None where it has no equation.

    Later steps, and the final number, stay as they were.
    """
    results = [found for found in _RESULT.finditer(solution) if _OPERATION.search(found["left"])]
    if not results:
        return None
    start, end = rng.choice(results).span("number")
    return solution[:start] + _other(solution[start:end], rng) + solution[end:]


def _other(number: str, rng: random.Random) -> str:
    """Another number above zero, written alike."""
    digits = number.replace(",", "")
    value, places = float(digits), len(digits.partition(".")[2])
    shift = rng.choice([one for one in _SHIFTS if value + one > 0])
    return f"{value + shift:{',' if ',' in number else ''}.{places}f}"
