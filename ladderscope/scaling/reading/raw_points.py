"""Points before they are checked, whatever they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from ladderscope.scaling.results.scaling_fit import AxisInfo, LeftOut


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPoints:
    """Points that have not been checked.

    Attributes:
        frame: as ``ScalingTable.frame``, with the ``settings`` as columns of text; its index is what messages call a
            row. Numbers may be missing or impossible.
        axes: the predictors that there are.
        asked: those of them that the user asked for; ``named`` also has those that the user gave a column to.
        settings: columns that tell runs apart, ``keys`` those by which runs are matched whatever they hold.
        fixed: settings that groups and predictors differ in by design.
        has_runs: whether the data says which points share a training run.
    """

    frame: pd.DataFrame
    response: AxisInfo
    axes: dict[str, AxisInfo]
    asked: tuple[str, ...]
    named: tuple[str, ...]
    by: str
    settings: tuple[str, ...]
    keys: tuple[str, ...]
    fixed: frozenset[str] = frozenset()
    has_runs: bool = True
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
