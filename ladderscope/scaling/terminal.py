"""A fit as tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ladderscope.scaling.columns import Column, print_columns
from ladderscope.scaling.result import PairDifference, ScalingFit
from ladderscope.scaling.text import MISSING, format_difference, format_estimate, remarks, undecided


def print_fit(fit: ScalingFit, console: Console) -> None:
    """Print the slope table of ``fit``, the differences between its groups, and what to know about them."""
    if fit.groups:
        title = f"{fit.y_label} against {fit.x_label}: {fit.formula}"
        print_columns(group_columns(fit), console, title)
    else:
        console.print(Text("No record holds points for this fit.", style="bold"))
    decided = [pair for pair in fit.pairs if not pair.local_slope.reason]
    if decided:
        print_columns(pair_columns(decided, fit), console, "Differences between slopes")
    for line in lines_below(fit):
        console.print(Text(f"- {line}"))


def lines_below(fit: ScalingFit) -> list[str]:
    """How ``fit`` was made, and what to know before quoting it: one sentence each."""
    unclear = undecided(fit.pairs)
    return [
        f"Objective: {fit.objective}.",
        f"Interval: {fit.interval_method}.",
        *remarks(fit),
        *([unclear] if unclear else []),
        *fit.notes,
    ]


def group_columns(fit: ScalingFit) -> list[Column]:
    """The slope table: a row for each group of ``fit``."""
    groups = fit.groups
    slope_first = sorted(fit.parameters, key=lambda name: name != fit.law_slope)
    return [
        Column(fit.by, [group.name for group in groups], numeric=False),
        Column("runs", [str(group.n_runs) for group in groups], rank=1),
        Column("points", [str(group.n_points) for group in groups], rank=6),
        *(
            Column(
                name,
                [format_estimate(group.parameters.get(name), fit.parameters[name].unit) for group in groups],
                rank=1 if name == fit.law_slope else 2 + position,
            )
            for position, name in enumerate(slope_first)
        ),
        Column("local slope", [format_estimate(group.local_slope, "1") for group in groups], rank=2),
        Column("R2 (log)", [MISSING if g.r2_log is None else f"{g.r2_log:.3f}" for g in groups], rank=5),
    ]


def pair_columns(pairs: Sequence[PairDifference], fit: ScalingFit) -> list[Column]:
    """The differences between slopes: a row for each of ``pairs``."""
    unit = fit.parameters[fit.law_slope].unit
    return [
        Column("pair", [f"{pair.first} - {pair.second}" for pair in pairs], numeric=False),
        Column("local slope", [format_difference(pair.local_slope, "1") for pair in pairs], rank=1),
        Column(fit.law_slope, [format_difference(pair.law_slope, unit) for pair in pairs], rank=2),
    ]
