"""From a table to a scaling fit: choose the law, fit it to each group, judge it, compare the groups."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.allocation import allocate as allocate_compute
from ladderscope.scaling.arguments import Pairs, names_in, pairs_in
from ladderscope.scaling.checklist import checklist
from ladderscope.scaling.choice.choose import choose_law
from ladderscope.scaling.choice.extrapolation import extrapolate
from ladderscope.scaling.comparison.compare import compare_groups
from ladderscope.scaling.comparison.holm import adjusted
from ladderscope.scaling.comparison.judgement import check_confidence
from ladderscope.scaling.comparison.local_slope import local_slope, shared_range
from ladderscope.scaling.group_checks import check_groups
from ladderscope.scaling.laws import law_named, laws_for
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.custom import load_law
from ladderscope.scaling.notes import notes_on
from ladderscope.scaling.predictors import default_predictors, predictors_of
from ladderscope.scaling.progress import Progress
from ladderscope.scaling.reading.roles import axis_name
from ladderscope.scaling.results.allocation import Allocation, Approach
from ladderscope.scaling.results.choice import LawChoice
from ladderscope.scaling.results.comparison import MethodComparison
from ladderscope.scaling.results.scaling_fit import GroupFit, ScalingFit
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group, ScalingTable
from ladderscope.scaling.uncertainty.describe import describe
from ladderscope.scaling.uncertainty.draws import Advance
from ladderscope.scaling.uncertainty.evidence import BOOTSTRAPS

DEFAULT_SETTINGS = FitSettings()
AUTO = "auto"


def fit_scaling(
    table: ScalingTable,
    *,
    x: Sequence[str] | str | None = None,
    law: str | Law = AUTO,
    settings: FitSettings = DEFAULT_SETTINGS,
    compare: Pairs = (),
    allocate: Sequence[Approach] | Approach = (),
    budgets: Sequence[float] = (),
    on_progress: Callable[[float, str], None] | None = None,
) -> ScalingFit:
    """Fit a law to each group of ``table`` and compare groups.

    Args:
        table: the points (:func:`~ladderscope.scaling.read_table`, :func:`~ladderscope.scaling.table_from_records`).
        x: the predictors, by the names of the table's axes or as ``--x`` calls them: ``["N", "D"]``, ``"compute"``.
        law: a name of :data:`~ladderscope.scaling.LAWS`, ``auto``, a user's own as ``module:name``, or a law.
        settings: objective, intervals, margin.
        compare: pairs of groups, first against second, such as ``"ladder:qlora"``, or ``all``.
        allocate: approaches to compute-optimal allocation; ``budgets`` in FLOPs.
        on_progress: called with the share of the work that is done, from 0 to 1, and what is at work.

    Raises:
        UnknownNameError: there is no such law, predictor or group.
        UsageError: the table lacks a predictor that the law needs, or the groups that a comparison or an allocation
            needs; or the confidence is too low to compare by.
    """
    x = tuple(dict.fromkeys(map(axis_name, names_in(x)))) if x else None
    compare, allocate = pairs_in(compare), [allocate] if isinstance(allocate, str) else allocate
    choice, chosen = _law(table, x, law, settings)
    predictors = predictors_of(chosen, table.axes, x)
    groups = table.groups(predictors)
    check_groups(table, groups, compare, allocate)
    pairs = _pairs(groups, compare)
    if pairs:
        check_confidence(settings.confidence)  # before anything is fitted, which may take minutes
    progress = Progress(len(groups) + len(pairs) + len(allocate), on_progress)
    shared = shared_range(groups)
    fit = ScalingFit(
        y=table.response,
        x=[table.axes[name] for name in predictors],
        by=table.by,
        law=chosen.name,
        title=chosen.title,
        formula=chosen.formula,
        source=chosen.source,
        slope=chosen.slope,
        confidence=settings.confidence,
        seed=settings.seed,
        groups=_fit_groups(chosen, groups, table, predictors, shared, settings, progress),
        shared_range=shared,
        choice=choice,
        comparisons=_compare(chosen, pairs, settings, progress),
        allocations=_allocate(allocate, table, settings, budgets, progress),
        left_out=table.left_out,
    )
    fit = replace(fit, notes=notes_on(fit, table))
    return replace(fit, checklist=checklist(fit, table, settings))


def _allocate(
    approaches: Sequence[Approach],
    table: ScalingTable,
    settings: FitSettings,
    budgets: Sequence[float],
    progress: Progress,
) -> list[Allocation]:
    return [
        progress.during(f"{one} allocation", allocate_compute, one, table, settings, budgets=budgets)
        for one in approaches
    ]


def _law(
    table: ScalingTable, x: Sequence[str] | None, law: str | Law, settings: FitSettings
) -> tuple[LawChoice | None, Law]:
    if isinstance(law, Law):
        return None, law
    if law != AUTO:
        return None, load_law(law) if ":" in law else law_named(law)
    candidates = _candidates(table, x)
    if len(candidates) == 1:
        return None, candidates[0]
    choice = choose_law(candidates, lambda one: table.groups(predictors_of(one, table.axes, x)), settings)
    return choice, law_named(choice.law)


def _candidates(table: ScalingTable, x: Sequence[str] | None) -> list[Law]:
    response: Literal["loss", "memory"] = "memory" if table.response.unit == "bytes" else "loss"
    found = laws_for(response, tuple(x) if x else default_predictors(table.axes, response))
    if not found:
        raise UsageError(
            f"no law explains a {response} by {', '.join(x or table.axes) or 'nothing'}: choose other predictors with "
            "--x, or a --law of your own."
        )
    return found


def _pairs(groups: Sequence[Group], compare: Sequence[tuple[str, str]] | Literal["all"]) -> list[tuple[Group, Group]]:
    if compare == "all":
        return list(itertools.combinations(groups, 2))
    by_name = {group.name: group for group in groups}
    for name in itertools.chain.from_iterable(compare):
        if name not in by_name:
            raise UnknownNameError("group to compare", name, by_name)
    return [(by_name[first], by_name[second]) for first, second in compare]


def _compare(
    law: Law, pairs: Sequence[tuple[Group, Group]], settings: FitSettings, progress: Progress
) -> list[MethodComparison]:
    found = [
        progress.during(f"{first.name} against {second.name}", compare_groups, law, first, second, settings)
        for first, second in pairs
    ]
    return adjusted(found, settings.confidence)


def _fit_groups(
    law: Law,
    groups: Sequence[Group],
    table: ScalingTable,
    predictors: Sequence[str],
    shared: tuple[float, float] | None,
    settings: FitSettings,
    progress: Progress,
) -> list[GroupFit]:
    steps = BOOTSTRAPS * settings.resamples
    return [
        progress.during(group.name, _fit_group, law, group, table, predictors, shared, settings, progress.steps(steps))
        for group in groups
    ]


def _fit_group(
    law: Law,
    group: Group,
    table: ScalingTable,
    predictors: Sequence[str],
    shared: tuple[float, float] | None,
    settings: FitSettings,
    advance: Advance,
) -> GroupFit:
    fit, _ = describe(law, group, [table.axes[name] for name in predictors], settings, table.response, advance)
    return GroupFit(
        name=group.name,
        fit=fit,
        local_slope=local_slope(group, shared, settings.confidence),
        extrapolation=extrapolate(law, group, settings, predictors),
        pooled=group.pooled,
    )
