"""What a reader must know about points from records, written from their numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ladderscope.records import Record
from ladderscope.scaling.reading.ledger_axes import Response
from ladderscope.scaling.table import CENSORED, GROUP, RUN

RANDOM_WEIGHTS = "Random weights: the loss says nothing about a method."
NOISY = "Each point is the loss of one training batch, so it is noisy."
FEW_STEPS = 100


def notes_on_records(records: Sequence[Record], frame: pd.DataFrame, response: Response) -> list[str]:
    """The notes on the points ``frame`` of ``records``, the most important first."""
    notes = []
    if response.is_loss and any(record.weights == "random" for record in records):
        notes.append(RANDOM_WEIGHTS)
    if response.steps and len(frame):
        notes += [NOISY, *_few_steps(frame)]
    if not response.is_loss:
        notes += _out_of_memory(records, int(frame[CENSORED].sum()))
    return notes


def _few_steps(frame: pd.DataFrame) -> list[str]:
    longest = int(frame.groupby(RUN).size().max())
    if longest >= FEW_STEPS:
        return []
    compute = frame.groupby(GROUP)["C"].agg(["min", "max"]).astype(float)
    decades = float(np.log10(compute["max"] / compute["min"]).max())
    span = f": compute spans at most {decades:.1f} decades and" if np.isfinite(decades) else ", and"
    return [f"{longest} steps are far too few for a scaling law{span} every run is in its first descent."]


def _out_of_memory(records: Sequence[Record], censored: int) -> list[str]:
    notes = []
    if predicted := sum(record.status == "oom" for record in records) - censored:
        notes.append(
            f"{predicted} predicted runs do not fit on their GPU: their points are what a larger one would need."
        )
    if censored:
        notes.append(
            f"{censored} runs ran out of memory: they count as needing at least what was in use and asked for then."
        )
    return notes
