"""The tables of a fit as columns of text; terminal, HTML and Markdown show the same ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladderscope.scaling.results.allocation import Allocation
from ladderscope.scaling.results.choice import LawChoice
from ladderscope.scaling.results.comparison import MethodComparison, NestedModel, SlopeComparison
from ladderscope.scaling.results.estimates import Ends, ParameterEstimate
from ladderscope.scaling.results.law_fit import LawFit
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.text import (
    INTERVAL_NAMES,
    MISSING,
    NOT_IDENTIFIED,
    equivalence_confidence,
    format_deviation,
    format_ends,
    format_estimate,
    format_holm,
    format_interval,
    format_p,
    format_parameter,
    format_value,
    is_identified,
    parameter_names,
    percent,
)
from ladderscope.terminal_columns import Column


def group_columns(fit: ScalingFit) -> list[Column]:
    """A row for each group of ``fit``, the slope of the law first."""
    groups = fit.groups
    return [
        Column(fit.by, [group.name for group in groups], numeric=False),
        *(
            Column(name, [format_parameter(group.fit, name) for group in groups], rank=1 + 2 * place)
            for place, name in enumerate(parameter_names(fit))
        ),
        *_local_slopes(groups),
        Column("runs", [str(group.fit.n_runs) for group in groups], rank=2),
        Column("points", [_points(group.fit) for group in groups], rank=4),
        Column("R2", [MISSING if g.fit.r2 is None else f"{g.fit.r2:.3f}" for g in groups], rank=6),
        Column("rmsd", [format_deviation(group.fit, fit.y.unit) for group in groups], rank=5),
    ]


def turned(columns: Sequence[Column]) -> list[Column]:
    """The same table with rows and columns exchanged, for few groups of laws with many parameters."""
    names, *others = columns
    quantities = Column(names.header, [column.header for column in others], numeric=False)
    return [quantities, *(Column(name, [c.cells[i] for c in others], i) for i, name in enumerate(names.cells))]


def interval_columns(fit: ScalingFit, *, only_doubtful: bool) -> list[Column] | None:
    """The intervals of all methods side by side, or ``None`` where there are no two to compare.

    Args:
        only_doubtful: leaves out parameters without a warning.
    """
    rows = [row for row in _parameters(fit) if row[2].intervals and (row[2].warnings or not only_doubtful)]
    methods = _methods(estimate for _, _, estimate in rows)
    if not rows or (only_doubtful and len(methods) < 2):
        return None
    several = len(fit.groups) > 1
    found = [Column(fit.by, [group.name for group, _, _ in rows], numeric=False)] if several else []
    return [
        *found,
        Column("parameter", [name for _, name, _ in rows], numeric=False),
        Column("value", [_value(group.fit, name) for group, name, _ in rows]),
        Column("standard\nerror", [_standard_error(group.fit, name) for group, name, _ in rows], rank=9),
        *(
            Column(method, [_ends(estimate, estimate.intervals.get(method)) for _, _, estimate in rows], rank=1 + i)
            for i, method in enumerate(methods)
        ),
        Column("unit", [estimate.unit for _, _, estimate in rows], rank=10, numeric=False),
        Column("quoted", [estimate.interval_method or MISSING for _, _, estimate in rows], rank=8, numeric=False),
    ]


def slope_columns(fit: ScalingFit) -> list[Column]:
    """A row for each pair and estimand."""
    rows = [(pair, slope) for pair in fit.comparisons for slope in pair.slopes]
    slopes = [slope for _, slope in rows]
    level = equivalence_confidence(fit.confidence)
    one_pair = len(fit.comparisons) == 1
    found = [
        Column("pair", [f"{pair.first} : {pair.second}" for pair, _ in rows], 11 if one_pair else 0, numeric=False),
        Column("slope", [slope.estimand for slope in slopes], 0 if one_pair else 2, numeric=False),
        Column("verdict", [slope.verdict for slope in slopes], numeric=False, rank=1),
        Column("first", [format_estimate(slope.first, "1") for slope in slopes], rank=9),
        Column("second", [format_estimate(slope.second, "1") for slope in slopes], rank=10),
        Column("difference", [format_estimate(slope.difference, "1") for slope in slopes], rank=5),
        Column(f"ratio\n({level} interval)", [_ratio_cell(slope) for slope in slopes], rank=3),
        Column("p of no\ndifference", [format_holm(s.p_difference, s.p_difference_holm) for s in slopes], rank=7),
        Column("p of no\nequivalence", [format_holm(s.p_equivalence, s.p_equivalence_holm) for s in slopes], rank=8),
        Column("smallest\nmargin", [_margin(slope) for slope in slopes], rank=4),
        Column("runs per\nmethod", [str(slope.runs_needed or MISSING) for slope in slopes], rank=6),
    ]
    return [column for column in found if set(column.cells) != {MISSING}]


def model_columns(comparisons: Sequence[MethodComparison]) -> list[Column]:
    """A row for each nested model of each pair."""
    rows = [(pair, model) for pair in comparisons for model in pair.models]
    found = [
        Column("pair", [f"{pair.first} : {pair.second}" for pair, _ in rows], numeric=False),
        Column("model", [_model_name(pair, model) for pair, model in rows], numeric=False),
        Column("shared", [", ".join(model.shared) or "nothing" for _, model in rows], numeric=False, rank=6),
        Column("parameters", [str(model.n_parameters) for _, model in rows], rank=4),
        Column("AICc above\nthe best", [_above_best(pair, model) for pair, model in rows], rank=2),
        Column("error on\nruns left out", [_share(model.left_out_error) for _, model in rows], rank=3),
        Column("p against\nthe next", [format_p(model.p_against_next) for _, model in rows], rank=1),
    ]
    return found[1:] if len(set(found[0].cells)) == 1 else found


def candidate_columns(choice: LawChoice) -> list[Column]:
    """A row for each law that was tried."""
    laws = choice.candidates
    best = min((law.aicc for law in laws if law.aicc is not None), default=0.0)
    above = [MISSING if law.aicc is None else f"{law.aicc - best:.1f}" for law in laws]
    found = [
        Column("law", [f"{'* ' if law.law == choice.law else '  '}{law.law}" for law in laws], numeric=False),
        Column("error on the\nlargest scale", [_share(law.held_out_error) for law in laws], rank=1),
        Column("AICc above\nthe best", above, rank=2),
        Column("parameters", [str(law.n_parameters) for law in laws], rank=4),
        Column("groups\nbest", [str(law.groups_best) for law in laws], rank=5),
        Column("could not be fitted because", [law.reason or MISSING for law in laws], rank=6, numeric=False),
    ]
    return [column for column in found if not set(column.cells) <= {MISSING, "0"}]


def exponent_columns(allocations: Sequence[Allocation]) -> list[Column]:
    """A row for each approach that worked."""
    return [
        Column("approach", [one.approach for one in allocations], numeric=False),
        Column("N* ~ C^a", [format_estimate(one.params_exponent, "1") for one in allocations]),
        Column("D* ~ C^b", [format_estimate(one.tokens_exponent, "1") for one in allocations], rank=1),
        Column("intervals", [one.interval_method or MISSING for one in allocations], rank=2, numeric=False),
    ]


def optimum_columns(allocations: Sequence[Allocation]) -> list[Column]:
    """A row for each budget of each approach."""
    rows = [(one, optimum) for one in allocations for optimum in one.optima]
    losses = [MISSING if optimum.loss is None else f"{optimum.loss:.4g}" for _, optimum in rows]
    found = [
        Column("budget", [format_value(optimum.compute, "FLOP") for _, optimum in rows]),
        Column("approach", [one.approach for one, _ in rows], numeric=False, rank=1),
        Column("parameters", [format_estimate(optimum.params, "parameter") for _, optimum in rows], rank=2),
        Column("tokens", [format_estimate(optimum.tokens, "token") for _, optimum in rows], rank=3),
        Column("loss", losses, rank=4),
    ]
    return [column for column in found if set(column.cells) != {MISSING}]


def _local_slopes(groups: Sequence[GroupFit]) -> list[Column]:
    cells = [format_estimate(group.local_slope, "1") for group in groups]
    return [Column("local slope", cells, rank=2)] if set(cells) != {MISSING} else []


def _points(fit: LawFit) -> str:
    return f"{fit.n_points} ({fit.n_censored} censored)" if fit.n_censored else str(fit.n_points)


def _parameters(fit: ScalingFit) -> Iterator[tuple[GroupFit, str, ParameterEstimate]]:
    for group in fit.groups:
        for name in parameter_names(fit):
            if name in group.fit.parameters:
                yield group, name, group.fit.parameters[name]


def _methods(estimates: Iterator[ParameterEstimate]) -> list[str]:
    found = {method for estimate in estimates for method in estimate.intervals}
    return [m for m in INTERVAL_NAMES if m in found] + sorted(found - set(INTERVAL_NAMES))


def _value(fit: LawFit, name: str) -> str:
    estimate = fit.parameters[name]
    return format_value(estimate.value, estimate.unit) if is_identified(fit, name) else NOT_IDENTIFIED


def _standard_error(fit: LawFit, name: str) -> str:
    estimate = fit.parameters[name]
    if estimate.standard_error is None or not is_identified(fit, name):
        return MISSING
    return format_value(estimate.standard_error, estimate.unit)


def _ends(estimate: ParameterEstimate, ends: Ends | None) -> str:
    return MISSING if ends is None else format_ends(ends, estimate.unit)


def _ratio_cell(slope: SlopeComparison) -> str:
    ratio = ratio_of(slope)
    low, high = slope.equivalence_interval or (None, None)
    return format_interval(ratio, low, high, "1") if ratio is not None else MISSING


def ratio_of(slope: SlopeComparison) -> float | None:
    """The first slope over the second."""
    if slope.first.value is None or not slope.second.value:
        return None
    return slope.first.value / slope.second.value


def _margin(slope: SlopeComparison) -> str:
    return MISSING if slope.smallest_margin is None else percent(slope.smallest_margin)


def _model_name(pair: MethodComparison, model: NestedModel) -> str:
    return f"{'* ' if model.name == pair.preferred_model else '  '}{model.name}"


def _above_best(pair: MethodComparison, model: NestedModel) -> str:
    known = [other.aicc for other in pair.models if other.aicc is not None]
    return MISSING if model.aicc is None else f"{model.aicc - min(known):.1f}"


def _share(error: float | None) -> str:
    return MISSING if error is None else percent(error)
