"""Where numbers come from: measured on a GPU or on a CPU, predicted, or published by others."""

from __future__ import annotations

from collections.abc import Iterable
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


def sentence(bases: set[Basis]) -> str:
    """Where the numbers of a table or of a figure come from, in Markdown; empty where there are none."""
    own = [basis for basis in _WEAKEST_FIRST if basis in bases]
    if own == [PREDICTED]:
        said = ["**Predicted**, not measured."]
    elif len(own) == 1:
        said = [f"**{own[0].capitalize().replace('gpu', 'GPU').replace('cpu', 'CPU')}**."]
    elif own:
        said = [f"**{own[0].capitalize().replace('cpu', 'CPU')}**, but for what says **{'** or **'.join(own[1:])}**."]
    else:
        said = []
    return " ".join([*said, *(["Published numbers are the paper's own."] if PUBLISHED in bases else [])])
