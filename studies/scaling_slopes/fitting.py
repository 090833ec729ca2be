"""Loss against compute through the package's own scaling room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.studies.trained.spent import with_preparation

from .family import METHODS, REFERENCE

if TYPE_CHECKING:
    from ladderscope.scaling import ScalingFit
    from ladderscope.scaling.results.comparison import MethodComparison

LAW = "power-offset"
RUN, BACKBONE = "run", "model"
"""Units of statistics: a training run, or the setting of cells that all runs of a backbone share."""


def fits_of(records: Sequence[Record], confidence: float, margin: float) -> dict[str, ScalingFit]:
    """Unit of statistics -> the fit of all methods with each of them compared with QLoRA."""
    # Runs are matched by the settings of the first row of a unit, so the order must be the same for all methods.
    ordered = sorted(
        map(with_preparation, records),
        key=lambda one: (one.cell.model, one.cell.steps, one.cell.seed, one.cell.method),
    )
    return {unit: _fit(ordered, unit, confidence, margin) for unit in (RUN, BACKBONE)}


def comparison_of(fit: ScalingFit, method: str) -> MethodComparison:
    """Of the method with QLoRA."""
    return next(one for one in fit.comparisons if one.first == method)


def _fit(records: Sequence[Record], unit: str, confidence: float, margin: float) -> ScalingFit:
    from ladderscope.scaling import FitSettings, fit_scaling, table_from_records
    from ladderscope.scaling.table import RUN as CLUSTER

    table = table_from_records(records, y="eval-loss", x=("C",))
    if unit == BACKBONE:
        table = replace(table, frame=table.frame.assign(**{CLUSTER: table.frame[BACKBONE]}))
    known = {record.cell.method for record in records}
    pairs = [(method, REFERENCE) for method in METHODS if method != REFERENCE and method in known]
    return fit_scaling(
        table,
        x="C",
        law=LAW,
        settings=FitSettings(resamples=0, profiles=False, confidence=confidence, margin=margin),
        compare=pairs,
    )
