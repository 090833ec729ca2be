"""Which record stands beside which published value, and the ratios of both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ladderscope.memory.predict.gpus import CONTEXT_BYTES
from ladderscope.records import Record
from ladderscope.studies.bases import Basis, basis_of, weakest
from ladderscope.studies.chosen import chosen, peak_reserved

from .published import PUBLISHED, SHAPES, Published

GPU = "1024GiB:sm86"
GB = 10**9
DECIDES, OTHER = "bf16", "fp32"
"""Dtypes of adapters and side networks; the authors' code has the first."""
Found = dict[Published, Record]
Place = tuple[str, str]
"""Where a value is published, and of which model."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Memory of QLoRA and of QST in GB, published and found, and where the latter come from."""

    published_gb: tuple[float, float]
    own_gb: tuple[float, float]
    bases: frozenset[Basis]

    @property
    def basis(self) -> Basis:
        """The weaker of both."""
        return weakest(self.bases)

    @property
    def published(self) -> float:
        """QLoRA's over QST's, of the paper."""
        return self.published_gb[0] / self.published_gb[1]

    @property
    def own(self) -> float:
        """QLoRA's over QST's, ours."""
        return self.own_gb[0] / self.own_gb[1]

    @property
    def off(self) -> float:
        """How far the found ratio is from the published one, as a share of it."""
        return self.own / self.published - 1


def found_with(records: Iterable[Record], dtype: str) -> Found:
    """Published value -> our record, with adapters in that dtype; full fine-tuning has none and stands in both."""
    best = list(chosen(records, GPU).values())
    return {one: record for one in PUBLISHED for record in best if _is_of(record, one, dtype)}


def _is_of(record: Record, one: Published, dtype: str) -> bool:
    cell = record.cell
    if cell.method != "full" and cell.adapter_dtype != dtype:
        return False
    shape = (cell.batch_size, cell.seq_len)
    return (cell.model, cell.method, shape) == (f"random:{one.model}", one.method, SHAPES[one.where])


def gigabytes(record: Record) -> float:
    """What nvidia-smi would show, as predicted."""
    return (peak_reserved(record) + CONTEXT_BYTES) / GB


def places() -> list[Place]:
    """Where and model of every published QST value."""
    return [(one.where, one.model) for one in PUBLISHED if one.method == "qst"]


def pairs_of(found: Found) -> dict[Place, Pair]:
    """Those of which both sides are there."""
    pairs = {}
    for place in places():
        sizes = {one.method: (one, record) for one, record in found.items() if (one.where, one.model) == place}
        if {"qlora", "qst"} <= sizes.keys():
            (old, other), (new, side) = sizes["qlora"], sizes["qst"]
            own = (gigabytes(other), gigabytes(side))
            pairs[place] = Pair((old.gb, new.gb), own, frozenset(map(basis_of, (other, side))))
    return pairs
