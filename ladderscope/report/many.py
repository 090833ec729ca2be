"""What is shown of more records than a page, a figure or a terminal has room for, and the sentences that say so."""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from typing import TypeVar

from ladderscope.records import Record
from ladderscope.report.labels import meter_label

PAGE_ROWS = 500
"""Of a table on a page; more records than that are summed up by model, method and length."""
TERMINAL_ROWS = 200
TERMINAL_ERRORS = 20
MOST_RUNS, LEAST_RUNS = 400, 6
"""That a report draws and fits, in all, and of one model, method and meter where that is more."""
SEE_ALL = "`ladderscope ledger export` has a row for each, and --where chooses some of them"

_Item = TypeVar("_Item")
Group = tuple[Hashable, ...]


def group_of(record: Record) -> Group:
    """Records that differ in nothing else than what tables sum up: seeds, learning rates, other settings."""
    cell = record.cell
    return (cell.model, cell.method_label, cell.seq_len, cell.gpus_label, meter_label(record))


_what_decides_group = operator.attrgetter(
    *(f"cell.{name}" for name in ("model", "method", "rank", "reduction_factor", "settings", "seq_len")),
    *(f"cell.{name}" for name in ("parallel", "num_gpus")),
    *("meter", "gpu"),
)


def grouped(records: Sequence[Record]) -> list[list[Record]]:
    """``records`` by group, in order of first appearance."""
    found: dict[Group, list[Record]] = {}
    known: dict[Group, list[Record]] = {}
    """By what decides the group: to make the texts of one again and again takes several times as long."""
    for record in records:
        decides = _what_decides_group(record)
        members = known.get(decides)
        if members is None:
            members = known[decides] = found.setdefault(group_of(record), [])
        members.append(record)
    return list(found.values())


def evenly(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most ``most`` (two or more) of ``items``, evenly spaced, with the first and the last."""
    if len(items) <= most:
        return list(items)
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def one_of_each_group(records: Sequence[Record]) -> list[Record]:
    """The first record of each group."""
    return [members[0] for members in grouped(records)]


def runs_of_curves(records: Sequence[Record]) -> list[Record]:
    """The runs that a report draws and fits: all, or as many as can be told apart, of each model, method and meter.

    Args:
        records: in reading order, in which they stay; so the chosen ones are spread over lengths and widths.
    """
    if len(records) <= MOST_RUNS:
        return list(records)
    places: dict[Group, list[int]] = {}
    for place, record in enumerate(records):
        kind = (record.cell.model, record.cell.method, record.meter, record.gpu, bool(record.loss))
        places.setdefault(kind, []).append(place)
    most = max(LEAST_RUNS, MOST_RUNS // len(places))
    chosen = sorted(place for found in places.values() for place in evenly(found, most))
    return [records[place] for place in chosen]


def sentence_on_runs(num_shown: int, num_all: int) -> str:
    """What curves and fits leave out; empty where that is nothing."""
    if num_shown == num_all:
        return ""
    return (
        f"Curves and fits are of {num_shown:,} of {num_all:,} records, evenly spaced within each model, method and "
        "meter; `ladderscope fit-scaling` takes all."
    )


def sentence_on_rows(num_groups: int, num_shown: int, num_records: int) -> str:
    """What a table of groups stands for."""
    groups = (
        f"{num_groups:,} groups" if num_shown == num_groups else f"the first {num_shown:,} of {num_groups:,} groups"
    )
    return (
        f"{num_records:,} records are summed up by model, method and length, as medians over those that ended well: "
        f"{groups}; {SEE_ALL}."
    )
