"""``ladderscope ledger``: ledgers as files, merged, counted and exported."""

from __future__ import annotations

import click

from ladderscope.cli import ledger_export, ledger_merge, ledger_stats


@click.group("ledger")
def command() -> None:
    """Merge ledgers, count what is in them, or export them as a table.

    \b
    Examples:
      ladderscope ledger merge node-1.jsonl node-2.jsonl --out runs.jsonl
      ladderscope ledger stats runs.jsonl
      ladderscope ledger export runs.jsonl --where status=ok --out runs.parquet
    """


command.add_command(ledger_merge.command)
command.add_command(ledger_stats.command)
command.add_command(ledger_export.command)
