"""The reporting checklist of scaling laws, answered from the fit itself; ``not stated`` where nothing says it.

The questions are those whose answers decide whether a published law can be reproduced: Li et al. 2025, (Mis)fitting
(arXiv:2502.18969).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from ladderscope import __version__
from ladderscope.scaling.results.scaling_fit import AxisInfo, ChecklistItem, ScalingFit
from ladderscope.scaling.sentences import choice_sentence, extrapolation_sentences, how_sentences, left_out_sentence
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import WEIGHT, ScalingTable
from ladderscope.scaling.text import NOT_STATED, axis_label, format_ends, listed, percent
from ladderscope.units import counted

PACKAGES = ("numpy", "scipy")


def checklist(fit: ScalingFit, table: ScalingTable, settings: FitSettings) -> list[ChecklistItem]:
    """The questions with what ``fit`` and the ``table`` behind it answer.

    Args:
        fit: complete but for its checklist.
        table: for its sources and weights.
        settings: for what the fit does not hold: resamples, and the objective that was asked for.
    """
    answers = [
        ("Functional form", f"{fit.formula} ({fit.title})"),
        ("Source of the form", fit.source or NOT_STATED),
        ("How the law was chosen", _choice(fit)),
        *((f"What {axis.name} counts", _counts(axis)) for axis in fit.x),
        ("What is explained", _counts(fit.y)),
        ("Groups", f"one curve for each {fit.by}: {', '.join(group.name for group in fit.groups) or 'none'}"),
        ("Points and runs", _points(fit)),
        ("Which points of a run", _points_of_a_run(fit)),
        ("Ranges of the predictors", _ranges(fit)),
        ("What was left out", left_out_sentence(fit.left_out) or "nothing"),
        ("Learning-rate schedule and smoothing", NOT_STATED),
        ("Objective", _sentence(fit, "Objective", settings.objective.kind)),
        ("Huber delta", _delta(fit, settings)),
        ("Weights of points", _weights(table)),
        ("Optimiser, starts and agreement", _optimiser(fit, settings)),
        ("Interval method", _intervals(fit, settings)),
        ("Unit of statistics", "the training run: points of one run are never taken to be independent"),
        ("Extrapolation", " ".join(extrapolation_sentences(fit)) or "not judged: no larger scale was held out"),
        ("Comparisons and their margin", _comparisons(fit)),
        ("Seed", str(fit.seed)),
        ("Versions", _versions()),
        ("Data", ", ".join(table.sources) or NOT_STATED),
    ]
    return [ChecklistItem(question=question, answer=answer) for question, answer in answers]


def _choice(fit: ScalingFit) -> str:
    if fit.choice is None:
        return "named beforehand, or the only one for these data; no other law was tried"
    tried = f"{len(fit.choice.candidates)} laws tried ({', '.join(one.law for one in fit.choice.candidates)})"
    return f"{choice_sentence(fit.choice)} {tried}"


def _counts(axis: AxisInfo) -> str:
    return f"{axis_label(axis)}: {axis.counts or f'what it counts is {NOT_STATED}'}" if axis.label else NOT_STATED


def _points(fit: ScalingFit) -> str:
    return "; ".join(
        f"{group.name}: {counted(group.fit.n_points, 'point')} of {counted(group.fit.n_runs, 'run')}"
        + (f", {group.fit.n_censored} of them censored" if group.fit.n_censored else "")
        for group in fit.groups
    )


def _points_of_a_run(fit: ScalingFit) -> str:
    per_run = [count for group in fit.groups if group.fit.points for count in Counter(group.fit.points.run).values()]
    if not per_run:
        return NOT_STATED
    if max(per_run) == 1:
        return f"one point per run; whether it is the last step is {NOT_STATED}"
    low, high = min(per_run), max(per_run)
    return f"checkpoints: {low if low == high else f'{low} to {high}'} points per run; which ones is {NOT_STATED}"


def _ranges(fit: ScalingFit) -> str:
    units = {axis.name: axis.unit for axis in fit.x}
    return "; ".join(
        f"{group.name}: {listed([f'{name} {format_ends(ends, units[name])}' for name, ends in ranges.items()])}"
        for group in fit.groups
        if (ranges := {name: ends for name, ends in group.fit.x_ranges.items() if name in units})
    )


def _sentence(fit: ScalingFit, title: str, otherwise: str) -> str:
    found = [line.removeprefix(title).removeprefix(": ") for line in how_sentences(fit) if line.startswith(title)]
    return " ".join(found).rstrip(".") or f"{otherwise}; nothing was fitted"


def _delta(fit: ScalingFit, settings: FitSettings) -> str:
    if settings.objective.kind != "huber":
        return "none: the objective is not Huber's"
    how = "as given" if settings.objective.delta is not None else "1.345 robust standard deviations of the residuals"
    fitted = [(group.name, group.fit.objective) for group in fit.groups if group.fit.objective]
    deltas = [f"{objective.delta:.3g} ({name})" for name, objective in fitted if objective.delta is not None]
    return f"{', '.join(deltas) or 'none settled'}, {how}"


def _weights(table: ScalingTable) -> str:
    weights = np.asarray(table.frame[WEIGHT], dtype=float) if WEIGHT in table.frame else np.ones(1)
    if len(weights) == 0 or bool(np.all(weights == weights[0])):
        return "all points weigh the same"
    return f"from the table, {weights.min():.3g} to {weights.max():.3g}"


def _optimiser(fit: ScalingFit, settings: FitSettings) -> str:
    method = {"lad": "sequential linear programmes (SciPy's HiGHS)"}.get(
        settings.objective.kind, "damped Newton steps"
    )
    stated = f"{method} with the law's own Jacobian in centred parameters, {settings.starts} random starts"
    agreement = [
        f"{group.name} {round(certificate.start_agreement * certificate.n_starts)} of {certificate.n_starts}"
        for group in fit.groups
        if (certificate := group.fit.certificate)
    ]
    return f"{stated}; at the best objective: {', '.join(agreement) or 'none'}"


def _intervals(fit: ScalingFit, settings: FitSettings) -> str:
    stated = _sentence(fit, f"Intervals ({fit.confidence:.0%})", "none")
    return f"{fit.confidence:.0%} intervals {stated}; {settings.resamples} resamples of each bootstrap"


def _comparisons(fit: ScalingFit) -> str:
    if not fit.comparisons:
        return "no claim that groups are equivalent or different"
    margins = sorted({percent(pair.margin) for pair in fit.comparisons})
    pairs = [f"{pair.first} : {pair.second} {pair.verdict}" for pair in fit.comparisons]
    return f"margin {' and '.join(margins)} of the second slope, set before the fit; {'; '.join(pairs)}"


def _versions() -> str:
    return ", ".join([f"ladderscope {__version__}", *_of_packages(PACKAGES)])


def _of_packages(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} {NOT_STATED}"
