"""``ladderscope ledger export``: ledgers as a flat table."""

from __future__ import annotations

from pathlib import Path

import click

from ladderscope.cli.where import chosen_records, where_option
from ladderscope.units import counted


@click.command("export")
@click.argument("ledgers", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="A file that ends in .parquet or .csv.")
@where_option
def command(ledgers: tuple[Path, ...], out: Path, where: tuple[str, ...]) -> None:
    """Write the records of LEDGERS as a flat table.

    A record is a row. docs/ledgers.md says what the columns are; sizes are in bytes, times in seconds. Parquet has
    loss and seconds of every step as columns of lists, CSV has none.

    \b
    Examples:
      ladderscope ledger export runs.jsonl --out runs.parquet
      ladderscope ledger export node-*.jsonl --where status=ok --where "peak_allocated_bytes < 12e9" --out runs.csv
    """
    from ladderscope.ledger.export import check_ending, export_records

    check_ending(out)
    records = chosen_records(ledgers, where)
    export_records(records, out)
    click.echo(f"Wrote {out}: {counted(len(records), 'row')}.", err=True)
