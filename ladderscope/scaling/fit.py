"""From records to a fit: one law, fitted to each group of runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from ladderscope.records import Record
from ladderscope.scaling.axes import XAxis, YAxis, x_axis, y_axis
from ladderscope.scaling.groups import fit_group
from ladderscope.scaling.laws import LAWS, FitSettings, Law
from ladderscope.scaling.notes import notes_on
from ladderscope.scaling.pairs import slope_difference
from ladderscope.scaling.points import tabulate
from ladderscope.scaling.result import ParameterInfo, ScalingFit
from ladderscope.scaling.slope import shared_range

DEFAULT_SETTINGS = FitSettings()


def fit_scaling(
    records: Sequence[Record], *, x: str, y: str, by: str = "method", settings: FitSettings = DEFAULT_SETTINGS
) -> ScalingFit:
    """Fit the law of ``y`` against ``x`` to each group of ``records`` that shares the cell setting ``by``.

    Raises:
        UnknownNameError: ``x`` or ``y`` is not an axis, or ``by`` not a setting of a cell.
    """
    over, of = x_axis(x), y_axis(y)
    law = LAWS[of.name]
    table = tabulate(records, over, of, by)
    shared = shared_range(group.x for group in table.groups)
    groups = [fit_group(law, group, shared, settings, stream) for stream, group in enumerate(table.groups)]
    fits = [group.fit for group in groups]
    return ScalingFit(
        **_what_was_fitted(law, over, of, settings),
        by=by,
        n_records=len(records),
        left_out=table.left_out,
        shared_x_range=list(shared) if shared else None,
        groups=fits,
        pairs=[slope_difference(law, a, b, settings) for a, b in itertools.combinations(groups, 2)],
        notes=notes_on(fits, table, over, of),
    )


def _what_was_fitted(law: Law, x: XAxis, y: YAxis, settings: FitSettings) -> dict[str, Any]:
    units = {"x": x.unit, "y": y.unit}
    return {
        "x": x.name,
        "y": y.name,
        "x_label": x.label,
        "y_label": y.label,
        "x_unit": x.unit,
        "y_unit": y.unit,
        "law": law.name,
        "formula": law.formula,
        "law_slope": law.slope,
        "parameters": {p.name: ParameterInfo(p.unit.format(**units), p.meaning) for p in law.parameters},
        "objective": law.objective(settings),
        "interval_method": (
            f"{settings.confidence:.0%} percentile bootstrap over training runs, {settings.resamples} resamples"
        ),
        "seed": settings.seed,
    }
