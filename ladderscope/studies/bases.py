"""Where numbers come from: measured on a GPU or on a CPU, predicted, or published by others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from ladderscope.records import PREDICT, Record

Basis = Literal["measured on a GPU", "measured on a CPU", "predicted", "published"]
ON_GPU: Basis = "measured on a GPU"
ON_CPU: Basis = "measured on a CPU"
PREDICTED: Basis = "predicted"
PUBLISHED: Basis = "published"
_WEAKEST_FIRST = (PREDICTED, ON_CPU, ON_GPU)
CUDA = "cuda"


def basis_of(record: Record) -> Basis:
    """How its numbers came about."""
    if record.meter == PREDICT:
        return PREDICTED
    return ON_GPU if record.meter == CUDA else ON_CPU


def weakest(bases: Iterable[Basis]) -> Basis:
    """That of what follows from several numbers: measured only if every one of them is; predicted if there is none."""
    found = set(bases)
    return next((basis for basis in _WEAKEST_FIRST if basis in found), PREDICTED)


def common_basis(records: Iterable[Record]) -> Basis:
    """The weakest of the records' bases."""
    return weakest(map(basis_of, records))


def in_words(bases: Iterable[Basis]) -> str:
    """All of them, as a verdict that rests on several says it: ``'in part predicted, in part measured on a GPU'``.

    A single number of a table that follows from several has the :func:`weakest` instead.
    """
    found = set(bases)
    own = [basis for basis in _WEAKEST_FIRST if basis in found] or [PREDICTED]
    return own[0] if len(own) == 1 else f"in part {', in part '.join(own)}"


def table_sentence(bases: set[Basis]) -> str:
    """Where the numbers of a table come from, in Markdown; empty where there are none.

    Of several bases the weakest is said of the table, and cells of the others say their own.
    """
    return _sentence(bases, lambda own: f"{_at_start(own[0])}, but for what says **{'** or **'.join(own[1:])}**.")


def figure_sentence(bases: set[Basis]) -> str:
    """Where the numbers of a figure come from, in Markdown; of several bases, its caption says which is what."""
    return _sentence(bases, lambda own: f"In part **{'**, in part **'.join(own)}**.")


def _sentence(bases: set[Basis], of_several: Callable[[list[Basis]], str]) -> str:
    own = [basis for basis in _WEAKEST_FIRST if basis in bases]
    said = []
    if own == [PREDICTED]:
        said = [f"{_at_start(PREDICTED)}, not measured."]
    elif own:
        said = [f"{_at_start(own[0])}." if len(own) == 1 else of_several(own)]
    return " ".join([*said, *(["Published numbers are the paper's own."] if PUBLISHED in bases else [])])


def _at_start(basis: Basis) -> str:
    return f"**{basis[0].upper()}{basis[1:]}**"
