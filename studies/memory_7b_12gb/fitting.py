"""Which cell fits which card, and the longest rows that do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import Cell, Record
from ladderscope.studies.bases import PREDICTED, Basis, basis_of
from ladderscope.studies.chosen import peak_allocated, peak_reserved
from ladderscope.studies.folder import Wanted

from .variants import BEST_LADDER, BEST_QLORA, CARDS, LENGTHS, Peaks, key_of

STEP = 1024
"""Tokens between the rows that the search tries."""
SEARCHED = (("mistral-7b", "qwen2.5-7b"), (BEST_QLORA, BEST_LADDER), CARDS["8 GB"])
Fits = Literal["yes", "no", "open"]


def fits(record: Record, card: str, peaks: Peaks) -> Fits:
    """Whether the record's cell fits the card; open where only a prediction for the card itself can tell."""
    on_card = peaks.by_card.get((record.cell.cell_id, card))
    if on_card is not None:
        return "yes" if on_card.status == "ok" else "no"
    usable = find_gpu(card).usable_bytes
    if peak_reserved(record) <= usable:
        return "yes"
    return "no" if peak_allocated(record) > usable else "open"


def fit_basis(record: Record, card: str, peaks: Peaks) -> Basis:
    """Measured only where it ran on that very card; what is concluded from another GPU's record is a prediction."""
    on_card = peaks.by_card.get((record.cell.cell_id, card))
    return PREDICTED if on_card is None else basis_of(on_card)


def undecided(peaks: Peaks) -> Iterator[Wanted]:
    """Cells that only the card itself can tell about: what is cached would not fit, what is allocated would."""
    for record in [*peaks.of.values(), *peaks.others.values()]:
        for card in CARDS.values():
            if fits(record, card, peaks) == "open":
                yield record.cell, card


def searched(peaks: Peaks) -> Iterator[Wanted]:
    """The next row of each search; at its end the two rows beside it, on the card itself."""
    models, variants, card = SEARCHED
    for model in models:
        for variant in variants:
            low, high = bounds(model, variant, card, peaks)
            some = next((record.cell for key, record in peaks.of.items() if key[:2] == (model, variant)), None)
            if some is None:
                continue
            if not has_ended(low, high):
                if high is not None:
                    yield _resized(some, (low + high) // 2 // STEP * STEP), card
                continue
            for length in filter(None, (low, high)):
                if _on_card(some, length, card, peaks) is None:
                    yield _resized(some, length), card


def bounds(model: str, variant: str, card: str, peaks: Peaks) -> tuple[int, int | None]:
    """The longest row that is known to fit the card (0: none), and the shortest longer one that does not."""
    known = [record for key, record in peaks.of.items() if key[:2] == (model, variant)]
    known += [
        record
        for (_, gpu), record in peaks.by_card.items()
        if gpu == card and key_of(record.cell)[:2] == (model, variant)
    ]
    answers = {record.cell.seq_len: fits(record, card, peaks) for record in known}
    low = max((length for length, answer in answers.items() if answer == "yes"), default=0)
    return low, min((length for length, answer in answers.items() if answer == "no" and length > low), default=None)


def bases_of_bounds(model: str, variant: str, card: str, peaks: Peaks) -> set[Basis] | None:
    """Where the end of a search comes from; None where the card's own records of it are missing."""
    some = next((record.cell for key, record in peaks.of.items() if key[:2] == (model, variant)), None)
    low, high = bounds(model, variant, card, peaks)
    if some is None or not has_ended(low, high):
        return None
    ends = [_on_card(some, length, card, peaks) for length in filter(None, (low, high))]
    known = [record for record in ends if record is not None]
    return set(map(basis_of, known)) if len(known) == len(ends) else None


def _on_card(some: Cell, length: int, card: str, peaks: Peaks) -> Record | None:
    return peaks.by_card.get((_resized(some, length).cell_id, card))


def has_ended(low: int, high: int | None) -> bool:
    """Whether a search can go no further; without an end above, everything that was tried fits."""
    return bool(low) if high is None else high - low <= STEP


def longest_of_grid(model: str, variant: str, card: str, peaks: Peaks) -> str:
    """The longest row of the grid that fits, as text."""
    found = [
        length
        for length in LENGTHS
        if (record := peaks.of.get((model, variant, length))) and fits(record, card, peaks) == "yes"
    ]
    if not found:
        return "none"
    return f"{max(found):,}" + (" (all)" if max(found) == max(peaks.lengths(model)) else "")


def _resized(cell: Cell, seq_len: int) -> Cell:
    return Cell.from_json({**cell.to_json(), "seq_len": seq_len})
