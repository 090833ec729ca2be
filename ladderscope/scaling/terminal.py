"""A fit for a terminal: verdicts and tables first, then how they came about."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ladderscope.scaling.columns import (
    candidate_columns,
    exponent_columns,
    group_columns,
    interval_columns,
    model_columns,
    optimum_columns,
    slope_columns,
    turned,
)
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.sentences import (
    choice_sentence,
    extrapolation_sentences,
    how_sentences,
    left_out_sentence,
    local_slope_sentence,
    remarks,
)
from ladderscope.scaling.text import NOT_STATED
from ladderscope.scaling.verdicts import pair_sentences, verdict_sentence
from ladderscope.terminal_columns import Column, print_columns


def print_fit(fit: ScalingFit, console: Console | None = None) -> None:
    """Print ``fit``: its groups, intervals, comparisons, the choice of law, extrapolation and allocation.

    Args:
        console: where to; by default standard output.
    """
    console = console or Console()
    if fit.groups:
        _print_groups(fit, console)
    else:
        console.print(Text("No row holds points for this fit.", style="bold"))
    _print_comparisons(fit, console)
    _print_choice(fit, console)
    _print_lines("Beyond the data", extrapolation_sentences(fit), console)
    _print_allocations(fit, console)
    left_out = left_out_sentence(fit.left_out)
    found = [*how_sentences(fit), *remarks(fit), *([left_out] if left_out else []), *fit.notes]
    _print_lines("How, and what to know", [*found, *checklist_sentences(fit)], console)


def checklist_sentences(fit: ScalingFit) -> list[str]:
    """Which questions of the reporting checklist are open; the answers to the others are long, and in the JSON."""
    if not fit.checklist:
        return []
    open_questions = [item.question for item in fit.checklist if NOT_STATED in item.answer]
    answered = len(fit.checklist) - len(open_questions)
    missing = f"; not stated: {', '.join(open_questions)}" if open_questions else ""
    return [f"Reporting checklist: {answered} of {len(fit.checklist)} questions answered (--json has them){missing}."]


def _print_groups(fit: ScalingFit, console: Console) -> None:
    title = f"{fit.y.label} against {' and '.join(axis.label for axis in fit.x)}: {fit.title}, {fit.formula}"
    columns = group_columns(fit)
    if len(fit.groups) == 1 or (_hidden(columns, console) and not _hidden(turned(columns), console)):
        columns = turned(columns)
    _print_table(title, columns, console)
    explained = local_slope_sentence(fit)
    if explained:
        console.print(Text(explained, style="dim"))
    several = len(fit.groups) > 1
    intervals = interval_columns(fit, only_doubtful=several)
    if intervals:
        console.print()
        doubt = ", where a warning asks for a look" if several else ""
        _print_table(f"{fit.confidence:.0%} intervals by method{doubt}", intervals, console)


def _print_comparisons(fit: ScalingFit, console: Console) -> None:
    if not fit.comparisons:
        return
    console.print()
    for pair in fit.comparisons:
        console.print(Text(verdict_sentence(pair, fit.confidence), style="bold"))
        for line in pair_sentences(pair, fit):
            console.print(Text(f"  {line}"))
    if any(pair.slopes for pair in fit.comparisons):
        console.print()
        _print_table("Slopes, first : second", slope_columns(fit), console)
    if any(pair.models for pair in fit.comparisons):
        console.print()
        _print_table("What the curves share (* preferred)", model_columns(fit.comparisons), console)


def _print_choice(fit: ScalingFit, console: Console) -> None:
    choice = fit.choice
    if choice is None:
        return
    console.print()
    console.print(Text(f"Law: {choice_sentence(choice)}", style="bold"))
    if choice.candidates:
        _print_table("Laws that were tried (* shown)", candidate_columns(choice), console)


def _print_allocations(fit: ScalingFit, console: Console) -> None:
    if not fit.allocations:
        return
    console.print()
    worked = [one for one in fit.allocations if one.reason is None]
    if worked:
        _print_table("Compute-optimal allocation", exponent_columns(worked), console)
    if any(one.optima for one in worked):
        _print_table("What to train with a budget", optimum_columns(worked), console)
    missing = [f"{one.approach}: {one.reason.rstrip('.')}." for one in fit.allocations if one.reason]
    notes = [f"{one.approach}: {note.rstrip('.')}." for one in fit.allocations for note in one.notes]
    for line in [*missing, *notes]:
        console.print(Text(f"- {line}"))


def _print_lines(title: str, lines: Sequence[str], console: Console) -> None:
    if lines:
        console.print()
        console.print(Text(title, style="bold"))
    for line in lines:
        console.print(Text(f"- {line}"))


def _print_table(title: str, columns: Sequence[Column], console: Console) -> None:
    # A title inside of the table would be wrapped to the table's width.
    console.print(Text(title, style="bold"))
    print_columns(columns, console, "")


def _hidden(columns: Sequence[Column], console: Console) -> bool:
    return sum(column.width for column in columns) > console.width
