"""``ladderscope ledger stats``: what is in ledgers, in numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ladderscope.cli.where import chosen, records_that_stay, where_option
from ladderscope.units import counted

if TYPE_CHECKING:
    from ladderscope.ledger.stats import FileStats, LedgerStats

_MOST_SHOWN = 8
"""Values of one kind in the text; --json has all."""
_NAMES = {"gpu": "GPU", "ladderscope": "ladderscope"}


@click.command("stats")
@click.argument("ledgers", nargs=-1, required=True, type=click.Path(path_type=Path))
@where_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout, with all values.")
def command(ledgers: tuple[Path, ...], where: tuple[str, ...], as_json: bool) -> None:
    """Count the records of LEDGERS.

    By status, meter, method, model, GPU, version and commit, with the time in training steps, and how many lines a
    later one has superseded.

    \b
    Examples:
      ladderscope ledger stats runs.jsonl
      ladderscope ledger stats node-*.jsonl --where method=qlora --json
    """
    from ladderscope.ledger.reading import join_contents, read_content
    from ladderscope.ledger.stats import file_stats, stats_of

    with records_that_stay():
        contents = [read_content(path) for path in ledgers]
        files = [file_stats(path, content) for path, content in zip(ledgers, contents, strict=True)]
        records = list(join_contents(contents, ledgers).values())
    stats = stats_of(chosen(records, where), files)
    if as_json:
        click.echo(json.dumps(stats.to_json(), indent=2))
    else:
        click.echo("\n".join(_lines(stats)))


def _lines(stats: LedgerStats) -> list[str]:
    rows = {_NAMES.get(name, name): _counts(counts) for name, counts in stats.by.items()}
    rows["steps"] = f"{stats.num_steps:,} measured, {_duration(stats.step_seconds)} in them"
    if stats.first_finished_at and stats.last_finished_at:
        ends = (stats.first_finished_at, stats.last_finished_at)
        rows["finished"] = " to ".join(f"{time:%Y-%m-%d %H:%M:%S} UTC" for time in ends)
    for file in stats.files:
        rows[file.path] = _on_file(file)
    width = max(map(len, rows))
    return [f"{counted(stats.num_records, 'record')}", *(f"{name:{width}}  {text}" for name, text in rows.items())]


def _counts(counts: dict[str, int]) -> str:
    shown = [f"{count:,} {value}" for value, count in list(counts.items())[:_MOST_SHOWN]]
    more = len(counts) - len(shown)
    return ", ".join([*shown, f"{more:,} others"] if more else shown)


def _on_file(file: FileStats) -> str:
    torn = f", {file.torn_bytes:,} bytes of a line that is not whole" if file.torn_bytes else ""
    return f"{counted(file.num_lines, 'line')}, {file.num_superseded:,} superseded{torn}"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
