"""By which settings runs of different groups match, and in which the runs of one group differ."""

from __future__ import annotations

import pandas as pd

from ladderscope.scaling.reading.raw_points import RawPoints
from ladderscope.scaling.table import GROUP, RUN


def pair_keys(raw: RawPoints) -> tuple[str, ...]:
    """The columns by which runs are matched.

    Beside those that always count, such as the seed: whatever varies between runs, and in every group over the same
    values, such as the sizes of a grid that was run with both methods.
    """
    runs = raw.frame.drop_duplicates(RUN)
    others = [name for name in (*raw.settings, *raw.axes) if name not in raw.keys]
    return (*raw.keys, *(name for name in others if _is_of_runs(raw.frame, name) and _is_shared(runs, name)))


def pooled_settings(raw: RawPoints) -> dict[str, dict[str, list[str]]]:
    """By group, the settings in which its runs differ although they share a curve, with their values."""
    runs = raw.frame.drop_duplicates(RUN)
    names = [name for name in raw.settings if name not in raw.fixed]
    return {
        str(group): {name: list(map(str, members[name].unique())) for name in names if members[name].nunique() > 1}
        for group, members in runs.groupby(GROUP, sort=False)
    }


def _is_of_runs(frame: pd.DataFrame, name: str) -> bool:
    """Whether all points of a run have the same value."""
    return bool((frame.groupby(RUN)[name].nunique(dropna=False) == 1).all())


def _is_shared(runs: pd.DataFrame, name: str) -> bool:
    values = [frozenset(members) for _, members in runs.groupby(GROUP)[name]]
    return len(values) > 1 and len(set(values)) == 1 and len(values[0]) > 1
