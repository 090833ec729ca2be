"""Which rows are checkpoints of one training run, where a table does not say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ladderscope.scaling.table import GROUP
from ladderscope.tables.cells import listed, text_of

GROWING = ("C", "D")
"""What grows while a run goes on."""
FEW_CHECKPOINTS = 3


@dataclass(frozen=True, slots=True)
class LikelyRuns:
    """Runs made up of the settings that stay the same while a run goes on.

    Attributes:
        names: the run of each row.
        note: a sentence that says so, with the ways out.
    """

    names: pd.Series[str]
    note: str


def likely_runs(
    frame: pd.DataFrame, by: str, settings: Sequence[str], axes: Sequence[str], others: pd.DataFrame
) -> LikelyRuns | None:
    """The runs of a table without a column for them whose rows differ in compute or tokens alone.

    Each row would count as a run of its own otherwise, and intervals be far too narrow. ``None`` where most rows do
    not look like checkpoints, or nothing but the group could tell runs apart.

    Args:
        frame: with columns ``group``, ``settings`` and ``axes``.
        by: what groups differ in.
        settings: columns that play the role of settings, ``axes`` predictors.
        others: the columns that play no role, of which those that stay the same along a run are settings too.
    """
    along = [name for name in axes if name in GROWING]
    known = [*settings, *(name for name in axes if name not in along)]
    cells = pd.concat([frame[[GROUP, *known, *along]], others.map(text_of).add_prefix("other ")], axis=1)
    told_by = [GROUP, *known]
    like = rows_like_checkpoints(cells, told_by, along)
    if like <= len(frame) / 2:
        return None
    found = []
    # Those of few values first: the names of settings, before steps and measurements.
    for name in sorted(others.columns, key=lambda one: len(set(others[one].map(text_of)))):
        column = f"other {name}"
        if cells[column].nunique() > 1 and rows_like_checkpoints(cells, [*told_by, column], along) == like:
            told_by.append(column)
            found.append(str(name))
    if not (known or found) or _twice_in_a_place(cells, told_by, along) > len(frame) / 2:
        return None
    keys = cells[told_by].map(text_of)
    names = keys.agg(" / ".join, axis=1).astype(object)
    groups = [by] if frame[GROUP].nunique() > 1 else []
    return LikelyRuns(names, _note([*groups, *known, *found], along, int(names.nunique()), [*groups, *known]))


def rows_like_checkpoints(cells: pd.DataFrame, told_by: Sequence[str], along: Sequence[str]) -> int:
    """How many rows differ from at least two others in ``along``, and not in ``told_by``."""
    if not along:
        return 0
    same = cells.groupby(list(told_by), sort=False, dropna=False)
    values = pd.concat([same[name].transform("nunique") for name in along], axis=1).max(axis=1)
    return int((values >= FEW_CHECKPOINTS).sum())


def _twice_in_a_place(cells: pd.DataFrame, told_by: Sequence[str], along: Sequence[str]) -> int:
    """How many rows are no checkpoints of one run, which passes each place once: repetitions under other seeds."""
    return int(cells.duplicated([*told_by, *along], keep=False).sum())


def _note(told_by: Sequence[str], along: Sequence[str], n_runs: int, named: Sequence[str]) -> str:
    return (
        f"The table names no training runs: rows that differ in {' and '.join(along)} alone count as checkpoints of "
        f"one run, which {listed(list(told_by))} {'tell' if len(told_by) > 1 else 'tells'} apart ({n_runs} runs). "
        f"Name the column of runs with --columns run=COLUMN, or, where each row is a run of its own, say so with "
        f"--cluster {','.join([*named, *along])}."
    )
