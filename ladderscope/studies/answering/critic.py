"""Worked solutions that are true, or have one step spoiled, to be judged."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator

from ladderscope.studies.answering.equations import equations_are_true
from ladderscope.studies.answering.generators import worded_problems
from ladderscope.studies.answering.items import Fits, Item

YES, NO = " yes", " no"
ASKED = "\nIs every step of this solution right?"
_RESULT = re.compile(
    r"(?P<left>[^=\n]*)=\s*[€$£]?(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"(?![\d.,]*\d)"  # the whole number
    r"(?!\s*[-+*/x×÷=(])"  # and not the first one of a further expression
)
_OPERATION = re.compile(r"\d.*[-+*/x×÷]")
_SHIFTS = (-10, -3, -2, -1, 1, 2, 3, 10)


def critic_items(
    seed: int, fits: Fits, without: frozenset[str] = frozenset(), per_template: int = 0
) -> Iterator[Item]:
    """Questions with a solution, each question once, a true one and a spoiled one in turn.

    Left out are solutions of the generator with an equation that is false (some round, or drop a fraction) or that
    cannot be checked, so that a true solution is one and a spoiled one has one false step.

    Args:
        seed: of the problems and of what is spoiled.
        fits: keeps what is short enough.
        without: questions that are left out.
        per_template: most items of one template, as many of either kind; 0 for any number.
    """
    rng, seen, is_true = random.Random(seed), set(without), True
    taken: Counter[tuple[int, bool]] = Counter()
    for problem in worded_problems(seed):
        question, kind = problem.question, (problem.template, is_true)
        is_full = per_template and taken[kind] >= per_template // 2
        spoiled = spoil(problem.solution, rng)
        if spoiled is None or is_full or question in seen or not equations_are_true(problem.solution):
            continue
        text = problem.solution if is_true else spoiled
        prompt = f"Question: {question}\nSolution: {text}{ASKED}"
        item = Item(prompt, YES if is_true else NO, template=problem.template)
        if fits(item.prompt, item.completion):
            seen.add(question)
            taken[kind] += 1
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
