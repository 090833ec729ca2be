"""A check, and an update of the baseline, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from ladderscope.regression.causes import cause_lines
from ladderscope.regression.outputs.names import TableNames
from ladderscope.regression.outputs.sentences import interruption_text, limits_text
from ladderscope.regression.outputs.wording import (
    ACCEPT,
    KEEP_IMPROVEMENTS,
    NO_CAUSE,
    allowed_text,
    change_text,
    change_word,
    counts_text,
    entries_text,
    error_text,
    first_line,
    how_all,
    how_of,
    metric_text,
    never_fitting_text,
    percent_text,
    shown_changes,
    unchecked_text,
    value_texts,
)
from ladderscope.regression.shared_causes import shared_lines
from ladderscope.regression.verdict import OK, CheckResult, EntryVerdict, MetricChange
from ladderscope.terminal_columns import Column, print_named_columns

_TABLES = {"regression": "Regressions", "improvement": "Improvements", "changed": "Changed within the limits"}
_EXPLAINED = 9
"""Regressions whose causes are told; of what is no regression a third as many."""
_LEAST_ENTRY_NAME = 40
"""Cells that names keep: they say which cell it is."""
_Row = tuple[EntryVerdict, MetricChange]


def print_check(result: CheckResult, console: Console) -> None:
    """Print what regressed, improved and changed, each with its causes; what is unchanged is counted."""
    style = "bold green" if result.exit_code == OK else "bold red"
    _print_head(f"Memory check against {result.baseline}", result, counts_text(result), console, style)
    _say(console, limits_text(result), style="dim" if result.limits else "bold")
    if interruption := interruption_text(result):
        _say(console, interruption, style="bold red")
    _print_unmeasured(result.having("failed", "missing"), console)
    rows = _rows([*result.regressions, *result.having("improvement", "changed")])
    for word, title in _TABLES.items():
        _print_rows(title, [row for row in rows if change_word(row[1]) == word], rows, console)
    if shared := shared_lines(result.regressions):
        console.print()
    for line in shared:
        _say(console, line, style="bold")
    _print_causes(result.regressions, _EXPLAINED, 5, console)
    _print_causes(result.having("improvement", "changed"), _EXPLAINED // 3, 2, console)
    _print_causes([verdict for verdict in result.having("same") if cause_lines(verdict)], _EXPLAINED, 0, console)
    has_improved = result.having("improvement") or any(change_word(change) == "improvement" for _, change in rows)
    if result.regressions or has_improved:
        console.print()
    if result.regressions:
        _say(console, ACCEPT)
    if has_improved:
        _say(console, KEEP_IMPROVEMENTS)


def print_update(result: CheckResult, console: Console, *, written: bool) -> None:
    """Print what an update of the baseline changed and why, and whether it changed the file."""
    done = f"Wrote {result.baseline}" if written else f"{result.baseline} is up to date already"
    _print_head(done, result, counts_text(result, of_update=True), console, "bold")
    _print_unmeasured(result.having("failed", "missing"), console)
    new = result.having("new")
    for _, of_model in groupby(new, _model_of):
        _print_new(list(of_model), console)
    if new and result.having("removed"):
        console.print()
    for verdict in result.having("removed"):
        _say(console, f"Removed: {verdict.name}")
    changed = [*result.regressions, *result.having("improvement", "changed")]
    _print_rows("Changed", _rows(changed), _rows(changed), console)
    _print_causes(changed, _EXPLAINED, 3, console)
    if new or changed:
        console.print()
    if written:
        _say(console, "Review the file and commit it.")


def _print_head(start: str, result: CheckResult, counts: str, console: Console, style: str) -> None:
    seconds = f" in {result.seconds:.1f} s" if result.seconds else ""
    _say(console, f"{start}: {entries_text(len(result.verdicts))}{seconds}.", style=style)
    _say(console, f"{counts[0].upper()}{counts[1:]}. {how_all(result)}".strip())
    if left_out := unchecked_text(result):
        _say(console, left_out, style="dim")
    if never_fitting := never_fitting_text(result):
        _say(console, never_fitting, style="dim")


def _print_unmeasured(verdicts: Sequence[EntryVerdict], console: Console) -> None:
    for verdict in verdicts:
        _say(console, f"Could not be compared: {verdict.name}", style="red")
        _say(console, first_line(error_text(verdict)), indent=2)


def _rows(verdicts: Sequence[EntryVerdict]) -> list[_Row]:
    """A row for each change that is shown; the entries of a model together, that with the first of them first."""
    models = list(dict.fromkeys(map(_model_of, verdicts)))
    grouped = sorted(verdicts, key=lambda verdict: models.index(_model_of(verdict)))
    return [(verdict, change) for verdict in grouped for change in shown_changes(verdict)]


def _print_rows(title: str, rows: Sequence[_Row], among: Sequence[_Row], console: Console) -> None:
    """Print a table of some of the rows; names are as short as they can be ``among`` all that are printed."""
    if not rows:
        return
    names = TableNames(verdict.name for verdict, _ in among)
    changes = [change for _, change in rows]
    values = [value_texts(change) for change in changes]
    kinds = [how_of(verdict) for verdict, _ in rows]
    columns = [
        Column("metric", [change.metric.title for change in changes], numeric=False),
        Column("baseline", [before for before, _ in values], rank=2),
        Column("now", [after for _, after in values], rank=1),
        Column("change", [change_text(change) for change in changes]),
        Column("percent", [percent_text(change) for change in changes], rank=3),
        Column("allowed", [allowed_text(change) for change in changes], rank=4),
        *([Column("kind", kinds, numeric=False)] if len(set(kinds)) > 1 else []),
    ]
    console.print()
    shown = _once([names.short_of[verdict.name] for verdict, _ in rows])
    _print_table(shown, columns, console, names.titled(title), names)


def _print_new(verdicts: Sequence[EntryVerdict], console: Console) -> None:
    console.print()
    names = TableNames(verdict.name for verdict in verdicts)
    entries = [verdict.after for verdict in verdicts if verdict.after is not None]
    columns = [
        Column("peak allocated", [metric_text(entry, "peak_allocated") for entry in entries]),
        Column("peak reserved", [metric_text(entry, "peak_reserved") for entry in entries], rank=1),
        Column("saved for backward", [metric_text(entry, "saved_for_backward") for entry in entries], rank=4),
        Column("FLOPs", [metric_text(entry, "flops") for entry in entries], rank=2),
        Column("trained", [metric_text(entry, "trainable_params") for entry in entries], rank=3),
        Column("kind", [how_of(verdict) for verdict in verdicts], numeric=False, rank=5),
    ]
    shown = [names.short_of[verdict.name] for verdict in verdicts]
    _print_table(shown, columns, console, names.titled("New"), names)
    _print_causes([verdict for verdict in verdicts if cause_lines(verdict)], _EXPLAINED, 0, console)


def _print_table(
    shown: Sequence[str], columns: Sequence[Column], console: Console, title: str, names: TableNames
) -> None:
    shorten, least = names.shortened, _LEAST_ENTRY_NAME
    print_named_columns("entry", shown, columns, console, title, shorten=shorten, least_name=least, space_below=False)


def _print_causes(verdicts: Sequence[EntryVerdict], number: int, most: int, console: Console) -> None:
    for verdict in verdicts[:number]:
        console.print()
        kind = "" if how_of(verdict) in verdict.name else f" ({how_of(verdict)})"
        _say(console, f"{verdict.name}{kind}", style="bold")
        for line in cause_lines(verdict, most) or [NO_CAUSE]:
            _say(console, line.strip(), indent=4 if line.startswith(" ") else 2)
    if len(verdicts) > number:
        console.print()
        rest = len(verdicts) - number
        _say(console, f"The causes of {rest} more are in the output of --json.", style="dim")


def _model_of(verdict: EntryVerdict) -> str:
    """With what its name begins: a model, or the file of a test."""
    return verdict.name.split(" ")[0]


def _once(names: Sequence[str]) -> list[str]:
    """Names, each where it stands first alone."""
    return [name if i == 0 or names[i - 1] != name else "" for i, name in enumerate(names)]


def _say(console: Console, text: str, *, style: str = "", indent: int = 0) -> None:
    for line in Text(text, style=style).wrap(console, max(console.width - indent, 20)):
        line.rstrip()
        console.print(Text(" " * indent).append_text(line), soft_wrap=True)
