"""``--where``, as all commands that read ledgers have it."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ladderscope.records import Record

where_option = click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Keep the records for which this holds, as in method=qlora,ladder or seq-len=512:4096; repeatable.",
)


def chosen_records(paths: Sequence[Path], where: Sequence[str]) -> list[Record]:
    """The records of ledgers for which all conditions hold; says on standard error how many each leaves.

    Raises:
        UsageError: a file is no ledger, a condition is none, or no record is left.
    """
    from ladderscope.ledger import read_ledgers

    with records_that_stay():
        records = read_ledgers(paths)
    return chosen(records, where)


@contextmanager
def records_that_stay() -> Iterator[None]:
    """What is read inside is there until the command ends: to look for cycles in it, even once, would take seconds."""
    from ladderscope.ledger.reading import collector_paused

    with collector_paused():
        yield
        gc.freeze()


def chosen(records: list[Record], where: Sequence[str]) -> list[Record]:
    """As :func:`chosen_records`, of records that have been read."""
    if not where:
        return records
    from ladderscope.ledger.selection import select_records

    kept, notes = select_records(records, where)
    for note in notes:
        click.echo(note, err=True)
    return kept
