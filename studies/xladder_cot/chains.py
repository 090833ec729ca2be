"""The task: a chain of operations on one digit, modulo 10, whose intermediate values are written or not.

A problem of ``n`` operations reads ``7 A +3 B *7 ... =``, with a letter for each operation. Its solution with
granularity ``g`` writes every g-th operation again, with its letter and the value behind it, ``B *7 0 D -2 5 ... ;``,
and the last value is the answer. What is between must be done without writing. Every operation maps the ten digits
one to one, so that all answers are equally likely, and additions do not commute with multiplications.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

DIGITS = tuple(map(str, range(10)))
LETTERS = tuple("ABCDEFGH")
MULTIPLIERS = (3, 7, 9)
"""What has an inverse modulo 10, but for 1."""
OPERATIONS = tuple(f"{sign}{k}" for sign, ks in {"+": (1, 2, 3), "-": (1, 2, 3), "*": MULTIPLIERS}.items() for k in ks)
EQUALS, END = "=", ";"
TOKENS = (END, EQUALS, *DIGITS, *LETTERS, *OPERATIONS)
LONGEST = len(LETTERS)
TOKENS_PER_OPERATION, TOKENS_PER_VALUE = 2, 3
TOKENS_OF_LINE = 2 + TOKENS_PER_OPERATION * LONGEST + TOKENS_PER_VALUE * LONGEST + 1
TEST_ITEMS = 600
_TEST_SEED = 987_654_321
_DATA = "chains-1"
"""What a cell calls the task, with a number that whoever changes it counts up."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A digit, and what is done to it.

    Attributes:
        start: the digit.
        operations: of ``OPERATIONS``, in order.
    """

    start: int
    operations: tuple[str, ...]

    @property
    def values(self) -> list[int]:
        """The value after each operation; the last one is the answer."""
        value, found = self.start, []
        for operation in self.operations:
            value = applied(operation, value)
            found.append(value)
        return found

    @property
    def prompt(self) -> str:
        """Tokens with spaces between, up to the equals sign."""
        steps = [part for pair in zip(LETTERS, self.operations, strict=False) for part in pair]
        return " ".join([str(self.start), *steps, EQUALS])

    def solution(self, granularity: int) -> str:
        """The value after every ``granularity``-th operation, without the end of the text.

        Raises:
            ValueError: that does not divide the number of operations, so that the answer would not be written.
        """
        if len(self.operations) % granularity:
            raise ValueError(f"{len(self.operations)} operations cannot be written {granularity} at a time")
        steps = list(zip(LETTERS, self.operations, map(str, self.values), strict=False))
        return " ".join(part for step in steps[granularity - 1 :: granularity] for part in step)


def applied(operation: str, value: int) -> int:
    """The digit that the operation makes of ``value``."""
    sign, k = operation[0], int(operation[1:])
    return (value * k if sign == "*" else value + k if sign == "+" else value - k) % 10


def problems(operations: int, seed: int) -> Iterator[Problem]:
    """Problems without an end, every operation as likely as the others; ``seed`` alone decides them."""
    rng = random.Random(seed)
    while True:
        yield _drawn(rng, operations)


@cache
def test_problems(operations: int, granularity: int) -> tuple[Problem, ...]:
    """600 problems that nobody trains on; every granularity has its own, so that its accuracy is its own too."""
    place = _divisors(operations).index(granularity)
    return _all_test_problems(operations)[place * TEST_ITEMS : (place + 1) * TEST_ITEMS]


def training_problems(operations: int, seed: int) -> Iterator[Problem]:
    """Problems to train on: any but those of the tests."""
    without = frozenset(_all_test_problems(operations))
    return (one for one in problems(operations, seed) if one not in without)


@cache
def _all_test_problems(operations: int) -> tuple[Problem, ...]:
    count = TEST_ITEMS * len(_divisors(operations))
    different = _unique(problems(operations, _TEST_SEED))
    return tuple(islice(different, count))


def _unique(found: Iterable[Problem]) -> Iterator[Problem]:
    """Each once, where it comes first."""
    known: set[Problem] = set()
    for one in found:
        if one not in known:
            known.add(one)
            yield one


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def text_to_pretrain_on(lines: int, seed: int) -> str:
    """Lines of 43 tokens, each a problem written in full, and ends of text up to that length.

    Every fourth has one to eight operations, the others have eight.
    """
    rng, without = random.Random(seed), frozenset(_all_test_problems(LONGEST))
    found: list[str] = []
    while len(found) < lines:
        one = _drawn(rng, LONGEST if len(found) % 4 else rng.randint(1, LONGEST))
        if one not in without:
            tokens = f"{one.prompt} {one.solution(1)} {END}".split()
            found.append(" ".join([*tokens, *[END] * (TOKENS_OF_LINE - len(tokens))]))
    return "\n".join(found) + "\n"


def data_name(operations: int, granularity: int) -> str:
    """What a cell calls its data."""
    return f"{_DATA}/{operations}-by-{granularity}"


def chain_of(data: str) -> tuple[int, int]:
    """Operations and granularity of what :func:`data_name` has named."""
    operations, _, granularity = data.removeprefix(f"{_DATA}/").partition("-by-")
    return int(operations), int(granularity)


def tokens_of_prompt(operations: int) -> int:
    """Length of a prompt."""
    return 2 + TOKENS_PER_OPERATION * operations


def tokens_written(operations: int, granularity: int) -> int:
    """Length of a solution, with the end of the text."""
    return TOKENS_PER_VALUE * (operations // granularity) + 1


def last_value(tokens: list[str]) -> str | None:
    """The answer that written tokens give: the last digit before the end; None where the end was not written."""
    if END not in tokens:
        return None
    before = tokens[: tokens.index(END)]
    return before[-1] if before and before[-1] in DIGITS else None


def _drawn(rng: random.Random, operations: int) -> Problem:
    return Problem(rng.randrange(10), tuple(rng.choices(OPERATIONS, k=operations)))
