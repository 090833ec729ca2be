"""The table of points that laws are fitted to, whatever it was read from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from ladderscope.scaling.points import Points
from ladderscope.scaling.results.scaling_fit import AxisInfo, LeftOut

RUN, GROUP, RESPONSE, WEIGHT, CENSORED = "run", "group", "y", "weight", "censored"


@dataclass(frozen=True, slots=True)
class Group:
    """The points that share one curve.

    Attributes:
        run_names: the name of each run, in the order of ``points.run``.
        run_keys: the settings of each run by which runs of two groups are matched (model, data, seed, budget).
        pooled: settings in which the runs differ although they share a curve.
        predictors: the axes of the columns of ``points.x``; empty where they are not of a table.
    """

    name: str
    points: Points
    run_names: list[str]
    run_keys: list[dict[str, str]]
    pooled: dict[str, list[str]] = field(default_factory=dict)
    predictors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScalingTable:
    """Points with what is known about them.

    Attributes:
        frame: one row per point. Columns: ``y``; one for each of ``axes`` (by its name); ``group``, ``run`` (text),
            ``weight``, ``censored``; and the ``pair_keys``. All values are checked: finite, and positive where laws
            need them to be.
        response: what y is.
        axes: the predictors by the name that laws and ``--x`` use (N, D, C, ...).
        by: what ``group`` holds, such as ``method``.
        pair_keys: columns by which runs of different groups are matched.
        pooled: by group, the settings in which its runs differ, with their values.
    """

    frame: pd.DataFrame
    response: AxisInfo
    axes: dict[str, AxisInfo]
    by: str
    pair_keys: tuple[str, ...] = ()
    pooled: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def groups(self, predictors: Sequence[str]) -> list[Group]:
        """The points of each group, with the named axes as predictors."""
        return [self._group(str(name), rows, predictors) for name, rows in self.frame.groupby(GROUP, sort=False)]

    def _group(self, name: str, rows: pd.DataFrame, predictors: Sequence[str]) -> Group:
        names = sorted(rows[RUN].unique())
        first_rows = rows.drop_duplicates(RUN).set_index(RUN)
        points = Points.of(
            rows[list(predictors)].to_numpy(dtype=float),
            rows[RESPONSE].to_numpy(dtype=float),
            run=rows[RUN].to_numpy(dtype=str),
            weights=rows[WEIGHT].to_numpy(dtype=float),
            censored=rows[CENSORED].to_numpy(dtype=bool),
        )
        keys = [{key: str(first_rows.at[run, key]) for key in self.pair_keys} for run in names]
        return Group(name, points, [str(run) for run in names], keys, self.pooled.get(name, {}), tuple(predictors))
