"""Whether the equations of a worked solution are true: ``He gets 11*3 = 33 letters`` is, ``13*0.5=6`` is not."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

_TOKEN = re.compile(
    r"(?P<number>[€$£]?\d[\d,]*(?:\.\d+)?%?)"
    r"|(?P<sign>[-+*/×÷]|x(?![A-Za-z]))"
    r"|(?P<word>[A-Za-z]+(?:[-'/][A-Za-z]+)*)"
    r"|(?P<other>\S)"
)
_UNIT_WORDS = 3
"""As many may stand between a number and the next sign: ``140 total students - 9``."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


_Terms = list[_Token]
"""Numbers and signs in turn, a number at both ends."""


def equations_are_true(text: str) -> bool:
    """Whether every equation of numbers can be read, is true, and says more than ``14=14``.

    Read are numbers, with their units, between which there are signs. What has brackets, a word for a number, or an
    unknown in the middle is not; a name alone (``T = 5``) is no equation.
    """
    return all(_is_true(left, right) for line in text.splitlines() for left, right in _equations(line))


def _equations(line: str) -> Iterator[tuple[str, str]]:
    """What is on both sides of each equals sign behind a number."""
    sides = line.split("=")
    yield from ((left, right) for left, right in pairwise(sides) if re.search(r"\d", left))


def _is_true(left: str, right: str) -> bool:
    before = _terms_at_start(list(reversed(_tokens(left))))
    after = _terms_at_start(_tokens(right))
    if before is None or after is None or len(before) == 1:
        return False
    return math.isclose(_value(before[::-1]), _value(after), rel_tol=1e-9)


def _tokens(side: str) -> list[_Token]:
    signed = re.sub(r"(?<=[\d.%]) ?/(?=[A-Za-z])", " per-", side)  # 12/day is a unit, no division
    return [_Token(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(signed)]


def _terms_at_start(tokens: Sequence[_Token]) -> _Terms | None:
    """The calculation that tokens begin with, in the direction in which they come; None where it cannot be read."""
    terms: _Terms = []
    place = 0
    while True:
        place += _words(tokens, place)
        if place == len(tokens) or tokens[place].kind != "number":
            return None
        terms.append(tokens[place])
        units = _words(tokens, place + 1)
        following = tokens[place + 1 + units : place + 2 + units]
        if following and following[0].text in "()":
            return None
        if not following or following[0].kind != "sign":
            return terms
        terms.append(following[0])
        place += 2 + units


def _words(tokens: Sequence[_Token], place: int) -> int:
    """How many words stand there, up to the few that a unit may have."""
    some = tokens[place : place + _UNIT_WORDS]
    return len(list(takewhile(lambda token: token.kind == "word", some)))


def _value(terms: Sequence[_Token]) -> float:
    """Products and quotients first, from left to right."""
    total, product, sign = 0.0, _number(terms[0].text), 1.0
    for operator, operand in zip(terms[1::2], terms[2::2], strict=True):
        number = _number(operand.text)
        if operator.text in "+-":
            total += sign * product
            product, sign = number, 1.0 if operator.text == "+" else -1.0
        elif operator.text in "/÷":
            product = product / number if number else math.nan
        else:
            product *= number
    return total + sign * product


def _number(text: str) -> float:
    value = float(text.strip("€$£%").replace(",", ""))
    return value / 100 if text.endswith("%") else value
