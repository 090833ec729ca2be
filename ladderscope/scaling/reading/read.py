"""Ledgers or tables to the points that laws are fitted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ladderscope.errors import UsageError
from ladderscope.ledger import read_ledgers
from ladderscope.records import Record
from ladderscope.scaling.reading.build import checked_table, table_of
from ladderscope.scaling.reading.files import kind_of
from ladderscope.scaling.reading.ledger_axes import LOSS, RESPONSES
from ladderscope.scaling.reading.ledger_points import default_predictor, points_of_records
from ladderscope.scaling.reading.raw_points import RawPoints
from ladderscope.scaling.reading.request import TableRequest
from ladderscope.scaling.reading.user_table import points_of_tables
from ladderscope.scaling.table import ScalingTable

EVERYTHING = TableRequest()


def read_table(paths: str | Path | Sequence[str | Path], request: TableRequest = EVERYTHING) -> ScalingTable:
    """The points of ledgers, or of tables as CSV, JSON lines or Parquet.

    Several files are read as if they were one. What a file is, is told by what it holds.

    Args:
        paths: a ledger or a table, or several of one kind.
        request: what stands where.

    Returns:
        The table, its numbers checked; predictors that never vary inside of a group are left out of ``axes``.

    Raises:
        UsageError: in one sentence, what of the request or of the data makes a fit impossible, and what to do.
    """
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    kinds = [kind_of(path) for path in files]
    ledgers = [kind == "ledger" for kind in kinds]
    if any(ledgers) and not all(ledgers):
        ledger, table = files[ledgers.index(True)], files[ledgers.index(False)]
        raise UsageError(f"{ledger} is a ledger and {table} is not: fit them apart.")
    if not all(ledgers):
        return checked_table(points_of_tables(files, kinds, request))
    raw = points_of_records(read_ledgers(files), request)
    _check_any(raw, files)
    return checked_table(replace(raw, sources=[str(path) for path in files]))


def table_from_records(
    records: Sequence[Record], *, y: str, by: str = "method", x: Sequence[str] = ()
) -> ScalingTable:
    """The points of ``records``, which may be none: ``left_out`` says why.

    Args:
        records: of one or more ledgers.
        y: ``loss``, ``eval-loss``, ``peak-allocated`` or ``peak-reserved``.
        by: the setting of a cell that gets a curve per value.
        x: predictors that every point must have; by default compute for losses and sequence length for memory.

    Raises:
        UnknownNameError: no such response, predictor or setting.
    """
    return table_of(points_of_records(records, TableRequest(y=y, by=by, x=tuple(x))))


def default_x(paths: Sequence[Path], y: str | None) -> tuple[str, ...]:
    """The predictors to choose laws over where none are asked for; empty for tables: all that they hold.

    Of ledgers it is compute for losses and the sequence length for memory, since they hold every predictor.

    Raises:
        UsageError: the first file cannot be read; an unknown ``y`` is left to :func:`read_table`.
    """
    is_known = y is None or y in RESPONSES
    return (default_predictor(y or LOSS),) if is_known and kind_of(paths[0]) == "ledger" else ()


def _check_any(raw: RawPoints, paths: Sequence[Path]) -> None:
    if raw.frame.empty:
        reasons = Counter(item.reason for item in raw.left_out)
        why = "; ".join(f"{count} because {reason}" for reason, count in reasons.items())
        raise UsageError(
            f"no record of {', '.join(map(str, paths))} gives a point of {raw.response.label}: {why}; choose another "
            "--y or --x."
        )
