"""Replays as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ladderscope.memory.replay.run import ReplayResult
from ladderscope.units import format_bytes

_ON_PREDICTIONS = (
    "A prediction comes from the same model: that it is exact says that its file is whole, and nothing of a GPU."
)


def print_replays(results: Sequence[ReplayResult], console: Console) -> None:
    """Print how far each replay agrees with its record, and where it first parts from it."""
    # Headings of two lines and no frame: the names of traces are long, and all of it has to fit in 80 columns.
    table = Table(
        title=f"Allocator model against {_kind(results)}",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("trace", overflow="fold")
    for heading in ("exact\naddresses", "exact\nsegments", "peak\nallocated", "peak\nreserved"):
        table.add_column(heading, justify="right")
    several_devices = len({result.device for result in results}) > 1
    several_kinds = len({result.predicted for result in results}) > 1
    for result in results:
        table.add_row(
            result.trace + _note(result, several_devices, several_kinds),
            _agreement(result.exact_addresses, result.allocations),
            _agreement(result.exact_segment_events, result.segment_events),
            format_bytes(result.peak_allocated_bytes),
            format_bytes(result.peak_reserved_bytes),
        )
    console.print(table)
    inexact = [result for result in results if not result.is_exact]
    for result in inexact:
        extra = f" ({result.extra_segment_events} segment events too many)" if result.extra_segment_events else ""
        console.print(f"{result.trace} is not exact{extra}: {result.first_difference}.", markup=False, highlight=False)
    if not inexact:
        console.print("Every address and every segment event is exact.", highlight=False)
    if any(result.predicted for result in results):
        console.print(_ON_PREDICTIONS, highlight=False)


def _kind(results: Sequence[ReplayResult]) -> str:
    kinds = {result.predicted: "predicted runs" if result.predicted else "recorded runs" for result in results}
    return " and ".join(kinds[predicted] for predicted in sorted(kinds))


def _note(result: ReplayResult, several_devices: bool, several_kinds: bool) -> str:
    device = [f"device {result.device}"] if several_devices else []
    kind = ["predicted"] if several_kinds and result.predicted else []
    return f" ({', '.join([*device, *kind])})" if device or kind else ""


def _agreement(exact: int, total: int) -> str:
    if exact == total:
        return f"[green]all {total:,}[/]" if total else "none"
    return f"[red]{exact:,} of {total:,}[/]"
