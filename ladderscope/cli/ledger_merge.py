"""``ladderscope ledger merge``: several ledgers into one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ladderscope.units import counted

if TYPE_CHECKING:
    from ladderscope.ledger.merging import Merged


@click.command("merge")
@click.argument("ledgers", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The ledger to write, which may exist.")
def command(ledgers: tuple[Path, ...], out: Path) -> None:
    """Merge LEDGERS into one.

    Of each cell, meter and GPU one record counts: the last one of a ledger, and of several ledgers the one that
    finished last. One that does not say when it finished, a failure that an older version wrote, counts only beside
    others that do not, and after those that are ok. A failure on a GPU that nobody knows is superseded by any later
    record of its cell and meter. Records that --out holds already are kept by the same rule, so merging again changes
    nothing. --out is replaced in one step; a run may be writing to the others.

    \b
    Examples:
      ladderscope ledger merge node-1.jsonl node-2.jsonl --out runs.jsonl
      ladderscope ledger merge runs.jsonl more.jsonl --out runs.jsonl
    """
    from ladderscope.ledger.merging import merge_ledgers

    merged = merge_ledgers(ledgers, out)
    for line in _lines(merged, out):
        click.echo(line, err=True)


def _lines(merged: Merged, out: Path) -> list[str]:
    lines = [
        f"{path} ends in a line that is not whole, left out: a run is writing it, or was killed."
        for path in merged.torn
    ]
    if merged.with_old:
        lines.append(f"{out} was there: its records are merged too.")
    lines.append(
        f"{counted(merged.num_superseded, 'superseded line')} left out; {counted(merged.num_shared, 'record')} in "
        f"several ledgers, {merged.num_conflicts} of them not alike: the one that finished last is kept."
    )
    done = f"Wrote {out}" if merged.is_changed else f"{out} is the same as before"
    return [*lines, f"{done}: {counted(merged.num_records, 'record')}."]
