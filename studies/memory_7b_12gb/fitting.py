"""Which cell fits which card, and the longest rows that do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.studies.chosen import is_measured, peak_allocated, peak_reserved
from ladderscope.studies.folder import Wanted

from .variants import BEST_LADDER, BEST_QLORA, LENGTHS, Peaks, key_of

CARDS = {"8 GB": "rtx-3070-8gb", "12 GB": "rtx-3060-12gb", "24 GB": "rtx-3090-24gb"}
STEP = 1024
"""Tokens between the rows that the search tries."""
SEARCHED = (("mistral-7b", "qwen2.5-7b"), (BEST_QLORA, BEST_LADDER), CARDS["8 GB"])
Fits = Literal["yes", "no", "open"]


def fits(record: Record, card: str, peaks: Peaks) -> Fits:
    """Whether the record's cell fits the card; open where only a prediction for the card itself can tell."""
    on_card = peaks.by_card.get((record.cell.cell_id, card))
    if on_card is not None and on_card.status in ("ok", "oom"):
        return "yes" if on_card.status == "ok" else "no"
    usable = find_gpu(card).usable_bytes
    if peak_reserved(record) <= usable:
        return "yes"
    return "no" if peak_allocated(record) > usable else "open"


def undecided(peaks: Peaks) -> Iterator[Wanted]:
    """Cells that only the card itself can tell about: what is cached would not fit, what is allocated would."""
    for record in [*peaks.of.values(), *peaks.others.values()]:
        for card in CARDS.values():
            if not is_measured(record) and fits(record, card, peaks) == "open":
                yield record.cell, card


def searched(peaks: Peaks) -> Iterator[Wanted]:
    """The next row of each search."""
    models, variants, card = SEARCHED
    for model in models:
        for variant in variants:
            low, high = bounds(model, variant, card, peaks)
            some = next((record.cell for key, record in peaks.of.items() if key[:2] == (model, variant)), None)
            if some is not None and high is not None and not has_ended(low, high):
                yield _resized(some, (low + high) // 2 // STEP * STEP), card


def bounds(model: str, variant: str, card: str, peaks: Peaks) -> tuple[int, int | None]:
    """The longest row that is known to fit the card (0: none), and the shortest longer one that does not."""
    known = [record for key, record in peaks.of.items() if key[:2] == (model, variant)]
    known += [
        record
        for (_, gpu), record in peaks.by_card.items()
        if gpu == card and record.meter == PREDICT and key_of(record.cell)[:2] == (model, variant)
    ]
    answers = {record.cell.seq_len: fits(record, card, peaks) for record in known}
    low = max((length for length, answer in answers.items() if answer == "yes"), default=0)
    return low, min((length for length, answer in answers.items() if answer == "no" and length > low), default=None)


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
