"""``ladderscope report``: tables and figures from the records of one or more ledgers."""

from __future__ import annotations

from pathlib import Path

import click

from ladderscope.cli.where import chosen_records, where_option


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write report.html, report.md and figures/ to.  [required]",
)
@where_option
def command(runs: tuple[Path, ...], out: Path | None, where: tuple[str, ...]) -> None:
    """Report what the cells in RUNS cost and reached.

    The HTML page is one file that holds its figures and needs no network. The same figures are written as PNG and
    SVG, and the same tables as Markdown.

    \b
    Examples:
      ladderscope report runs.jsonl --out report/
      ladderscope report measured.jsonl predicted.jsonl --out report/
      ladderscope report node-*.jsonl --where method=qlora,ladder --where seq-len=512:4096 --out report/
    """
    from rich.console import Console

    from ladderscope.report.data import in_reading_order
    from ladderscope.report.folder import write_report
    from ladderscope.report.terminal import print_records

    # Not left to click: a ledger that is not there is said first, as no folder would make up for it.
    if out is None and all(path.exists() for path in runs):
        raise click.UsageError("Missing option '--out': the folder to write to, as in --out report/.")
    records = chosen_records(runs, where)
    assert out is not None
    page = write_report(records, out)
    print_records(in_reading_order(records), Console(stderr=True))
    click.echo(f"Wrote {page}", err=True)
