"""What points must be before a law is fitted to them: numbers, positive, each once, and more than one."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ladderscope.errors import UsageError
from ladderscope.scaling.reading.raw_points import RawPoints
from ladderscope.scaling.table import CENSORED, GROUP, RESPONSE, WEIGHT
from ladderscope.tables.cells import listed, rows


def check_points(raw: RawPoints) -> None:
    """Refuse points that no law can be fitted to, or that are wrong.

    Raises:
        UsageError: in one sentence, what is wrong, in which rows, and what to do.
    """
    _check_bounds(raw)
    _check_positive(raw.frame[RESPONSE], raw.response.label, raw.response.name)
    for name in raw.named:
        _check_positive(raw.frame[name], _called(raw, name), name)
    _check_positive(raw.frame[WEIGHT], "the weight", WEIGHT)
    if len(raw.frame) < 2:
        raise UsageError("there is only one point, and a law needs several: give more runs, or loosen --where.")
    _check_varies(raw)


def _check_bounds(raw: RawPoints) -> None:
    """A run out of memory needs a number too: what it needed at least."""
    missing = raw.frame[RESPONSE].isna() & raw.frame[CENSORED].astype(bool)
    if missing.any():
        raise UsageError(
            f"{raw.response.label} is missing (NaN) in {rows(raw.frame.index[missing])}, out of memory: fill in what "
            "was needed at least (in use and asked for, or the budget that was exceeded), or leave such rows out, as "
            f'with --where "{_plain(raw.response.name)} > 0".'
        )


def why_unusable(column: pd.Series[float]) -> str | None:
    """What keeps a column of numbers from being a predictor, or ``None``."""
    wrong = ~(np.isfinite(column) & (column > 0))
    return f"it is not a positive number in {rows(column.index[wrong])}" if wrong.any() else None


def varies(frame: pd.DataFrame, name: str) -> bool:
    """Whether a predictor has more than one value in some group."""
    return bool((frame.groupby(GROUP)[name].nunique() > 1).any())


def _check_positive(column: pd.Series[float], called: str, name: str) -> None:
    missing = column.isna()
    if missing.any():
        raise UsageError(
            f"{called} is missing (NaN) in {rows(column.index[missing])}: fill it in, or leave such rows out, as with "
            f'--where "{_plain(name)} > 0".'
        )
    infinite = ~np.isfinite(column)
    if infinite.any():
        raise UsageError(
            f"{called} is infinite in {rows(column.index[infinite])}: correct it, or leave such rows out, as with "
            f'--where "{_plain(name)} < 1e300".'
        )
    low = column <= 0
    if low.any():
        kind = "negative" if (column < 0).any() else "zero"
        raise UsageError(
            f"{called} is {kind} in {rows(column.index[low])}, and laws need positive numbers: correct it, or leave "
            f'such rows out, as with --where "{_plain(name)} > 0".'
        )


def check_copies(own: pd.DataFrame) -> None:
    """Refuse a row that stands twice in a table that does not tell runs apart.

    Raises:
        UsageError: two rows are the same in every column.
    """
    cells = own.astype(str)
    twice = cells.duplicated(keep=False)
    if twice.any():
        same = next(iter(cells[twice].groupby(list(cells.columns), sort=False).groups.values()))
        raise UsageError(
            f"{rows(same)} are the same in every column: keep one of them, or name the runs apart with --columns "
            "run=COLUMN."
        )


def check_runs(run: pd.Series[str], frame: pd.DataFrame, by: str, predictors: list[str]) -> None:
    """Refuse a run that stands twice in a table.

    Args:
        run: the name of the run of each row of ``frame``.
        frame: with columns ``group`` and ``predictors``.
        by: what groups differ in.

    Raises:
        UsageError: a run is in two groups, or has two points at the same predictors.
    """
    groups = frame[GROUP].groupby(run).unique()
    shared = groups[groups.map(len) > 1]
    if len(shared):
        raise UsageError(
            f"the run {str(shared.index[0])!r} stands under {listed(list(shared.iloc[0]))}, and a run has one {by}: "
            f"give each run a name of its own, as with --cluster {by},COLUMN."
        )
    twice = frame[predictors].assign(run=run).duplicated(keep=False)
    if twice.any():
        first = run[twice].iloc[0]
        same = frame.index[twice & (run == first)]
        raise UsageError(
            f"the run {str(first)!r} stands twice at the same {listed(predictors)}, in {rows(same)}: keep one of "
            "them, or name the runs apart."
        )


def _check_varies(raw: RawPoints) -> None:
    if not raw.axes:
        raise UsageError("the table has no predictor: name one with --columns, such as --columns C=COLUMN.")
    constant = [name for name in raw.axes if not varies(raw.frame, name)]
    wrong = [name for name in raw.asked if name in constant]
    if len(constant) == len(raw.axes):
        wrong = wrong or constant
    if wrong:
        values = raw.frame[wrong[0]].unique()
        within = f" within every {raw.by}" if len(values) > 1 else ""
        raise UsageError(
            f"{_called(raw, wrong[0])} is constant{within} ({', '.join(f'{value:.6g}' for value in values[:3])}): a "
            "law needs several values of it; choose another predictor with --x."
        )


def _called(raw: RawPoints, name: str) -> str:
    label = raw.axes[name].label
    return name if label == name else f"{name} ({label})"


def _plain(name: str) -> str:
    return name if name.isidentifier() else f"`{name}`"
