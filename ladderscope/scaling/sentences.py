"""What a fit found and how, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ladderscope.scaling.results.choice import Extrapolation, LawChoice
from ladderscope.scaling.results.scaling_fit import GroupFit, LeftOut, ScalingFit
from ladderscope.scaling.text import (
    INTERVAL_NAMES,
    format_quantity,
    is_identified,
    listed,
    percent,
    shortened,
)
from ladderscope.scaling.verdicts import pair_sentences, verdict_sentence

DELTA = ", delta "


def local_slope_sentence(fit: ScalingFit) -> str | None:
    """What the column ``local slope`` holds, or ``None`` where no group has one."""
    if not any(group.local_slope.value is not None for group in fit.groups):
        return None
    x = fit.x[0]
    where = "the range of the points"
    if fit.shared_range:
        shared = " to ".join(format_quantity(end, x.unit) for end in fit.shared_range)
        where = f"{shared}, the range that all groups share" if len(fit.groups) > 1 else shared
    return (
        f"Local slope: how steeply log {fit.y.label} changes with log {x.label} over {where}; a straight line, "
        "without the law."
    )


def how_sentences(fit: ScalingFit) -> list[str]:
    """What was minimised, whether the optimum is one, and where the intervals come from."""
    return [
        *_objectives(fit),
        *merged(fit, "Optimum", _certificate),
        *merged(fit, f"Intervals ({fit.confidence:.0%})", _interval_methods),
    ]


def remarks(fit: ScalingFit) -> list[str]:
    """What is missing or doubtful, one sentence for each finding, with the groups that it holds for."""
    return merged(fit, "", _group_remarks)


def extrapolation_sentences(fit: ScalingFit) -> list[str]:
    """How well the law, fitted without the largest scale, predicted it."""
    found = []
    for group in fit.groups:
        far = group.extrapolation
        if far is None:
            continue
        unit = next((x.unit for x in fit.x if x.name == far.predictor), "")
        off = (
            f"{percent(far.largest_relative_error)} on the one point there"
            if far.n_points == 1
            else f"{percent(far.median_relative_error)} (median) and at most {percent(far.largest_relative_error)} on "
            f"the {far.n_points} points there"
        )
        found.append(
            f"{group.name}: fitted without {far.predictor} above {format_quantity(far.above, unit)}, the law is off "
            f"by {off}{_covered(far)}."
        )
    return found


def _covered(far: Extrapolation) -> str:
    if far.coverage is None:
        return ""
    where = "inside" if far.coverage else "outside"
    share = f"which is {where}" if far.n_points == 1 else f"{far.coverage:.0%} of them inside"
    seen = " (optimistic: other points of their runs were fitted)" if far.of_fitted_runs else ""
    return f"{',' if far.n_points == 1 else ';'} {share} of the band for new runs{seen}"


def choice_sentence(choice: LawChoice) -> str:
    """The law that was chosen and why, or that the data cannot tell."""
    reason = choice.reason.rstrip(".")
    undecided = not choice.decided and not reason.lower().startswith("cannot tell")
    return f"{choice.law}. {'Cannot tell: ' if undecided else ''}{reason}."


def left_out_sentence(left_out: Sequence[LeftOut]) -> str | None:
    """How many rows gave no point, and why."""
    if not left_out:
        return None
    labels: dict[str, list[str]] = {}
    for item in left_out:
        labels.setdefault(item.reason, []).append(item.label)
    return f"Left out: {'; '.join(f'{shortened(names)}: {reason}' for reason, names in labels.items())}."


def lines_below(fit: ScalingFit) -> list[str]:
    """Everything in sentences that belongs under the tables of ``fit``, for pages."""
    explained = local_slope_sentence(fit)
    left_out = left_out_sentence(fit.left_out)
    return [
        *(
            line
            for pair in fit.comparisons
            for line in (verdict_sentence(pair, fit.confidence), *pair_sentences(pair, fit))
        ),
        *([explained] if explained else []),
        *how_sentences(fit),
        *extrapolation_sentences(fit),
        *remarks(fit),
        *([left_out] if left_out else []),
        *fit.notes,
    ]


def merged(fit: ScalingFit, title: str, findings: Callable[[GroupFit], list[str]]) -> list[str]:
    """One sentence for each finding, with the names of its groups where it does not hold for all."""
    holders: dict[str, list[str]] = {}
    for group in fit.groups:
        for finding in findings(group):
            holders.setdefault(finding, []).append(group.name)
    everywhere = len(fit.groups)
    sentences = []
    for finding, names in holders.items():
        of = ", ".join(names) if len(names) < everywhere or not title else ""
        head = f"{title} of {of}" if title and of else title or of
        sentences.append(f"{head}: {finding}.")
    return sentences


def _objectives(fit: ScalingFit) -> list[str]:
    """One sentence; groups with deltas of their own are told apart in brackets."""
    deltas: dict[str, dict[str, str]] = {}
    for group in fit.groups:
        if group.fit.objective:
            text, _, delta = group.fit.objective.text.rstrip(".").partition(DELTA)
            deltas.setdefault(text, {})[group.name] = delta
    found = []
    for text, by_group in deltas.items():
        distinct = set(by_group.values())
        each = [f"{delta} ({name})" for name, delta in by_group.items()]
        shown = distinct.pop() if len(distinct) == 1 else ", ".join(each)
        found.append(f"Objective: {text}{DELTA if shown else ''}{shown}.")
    return found


def _certificate(group: GroupFit) -> list[str]:
    certificate = group.fit.certificate
    if certificate is None:
        return []
    n = certificate.n_starts
    agreement = f"{round(certificate.start_agreement * n)} of {n} starts agree"
    if certificate.passed:
        return [f"passed, {agreement}"]
    return [f"doubtful, {agreement}: {'; '.join(finding.rstrip('.') for finding in certificate.findings)}"]


def _interval_methods(group: GroupFit) -> list[str]:
    names: dict[str, list[str]] = {}
    for name, estimate in group.fit.parameters.items():
        if estimate.interval is not None and estimate.interval_method:
            names.setdefault(estimate.interval_method, []).append(name)
    if len(names) == 1:
        return [INTERVAL_NAMES.get(method, method) for method in names]
    parts = [f"{INTERVAL_NAMES.get(method, method)} for {listed(held)}" for method, held in names.items()]
    return ["; ".join(parts)] if parts else []


def _group_remarks(group: GroupFit) -> list[str]:
    fit = group.fit
    known = set(fit.certificate.findings if fit.certificate else [])
    found = [f"not fitted: {fit.reason}"] if fit.reason else []
    found += [estimate.reason for estimate in fit.parameters.values() if estimate.reason]
    found += [group.local_slope.reason] if group.local_slope.reason else []
    found += [
        warning if name in warning else f"{name}: {warning}"
        for name, estimate in fit.parameters.items()
        for warning in estimate.warnings
        if warning not in known and is_identified(fit, name)
    ]
    found += [warning for warning in fit.warnings if warning not in known]
    if fit.failed_resamples:
        found.append(f"{fit.failed_resamples} resamples could not be fitted and are left out")
    return list(dict.fromkeys(remark.rstrip(".") for remark in found))
