"""Plans on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from ladderscope.memory.predict.gpus import Gpu
from ladderscope.planning.plan import Change, Largest, Plan
from ladderscope.records import Cell
from ladderscope.terminal_columns import Column, print_columns
from ladderscope.units import format_bytes

UNKNOWN = "?"
_OPTION_CELLS = 27
"""What the longest setting takes, so that none is broken: ``'backbone_chunk_tokens=2048``."""


def print_plans(plans: Sequence[Plan], console: Console) -> None:
    """Print per GPU which methods fit, and per method what to change, as wide as ``console`` allows."""
    for gpu, group in itertools.groupby(plans, key=lambda plan: plan.gpu):
        of_gpu = list(group)
        print_columns(_columns(of_gpu), console, _heading(of_gpu[0].cell, gpu))
        for plan in of_gpu:
            _print_changes(plan, console)
    console.print(Text(_notes(plans), style="dim"))


def print_gpus(gpus: Sequence[Gpu], console: Console) -> None:
    """Print the table of GPUs."""
    columns = [
        Column("name", [gpu.name for gpu in gpus], numeric=False),
        Column("memory", [format_bytes(gpu.memory_bytes) + "*" * gpu.is_nominal for gpu in gpus]),
        Column("usable", [format_bytes(gpu.usable_bytes) for gpu in gpus], rank=1),
        Column("capability", [".".join(map(str, gpu.capability)) for gpu in gpus], rank=2),
        Column("as CUDA names it", [gpu.title for gpu in gpus], rank=3, numeric=False),
    ]
    print_columns(columns, console, "GPUs")
    console.print(
        Text(
            "memory: as CUDA reported it to users; with a star: as sold, which is up to 9% more. usable: what is "
            "left to PyTorch's allocator beside an estimate for CUDA itself. Others: --gpu 12GiB:sm86.",
            style="dim",
        )
    )


def _heading(cell: Cell, gpu: Gpu) -> str:
    rows = f"{cell.batch_size} x {cell.seq_len} tokens"
    name = gpu.name if cell.num_gpus == 1 else f"each of {cell.num_gpus} x {gpu.name} ({cell.parallel})"
    return f"{cell.model.removeprefix('random:')} on {name}: {rows}, {format_bytes(gpu.usable_bytes)} usable"


def _columns(plans: Sequence[Plan]) -> list[Column]:
    def of_asked(text: Callable[[Plan], str]) -> list[str]:
        return [text(plan) if plan.asked else UNKNOWN for plan in plans]

    asked = [plan.asked for plan in plans]
    return [
        Column("method", [plan.cell.method_label for plan in plans], numeric=False),
        Column("fits", [UNKNOWN if fit is None else _yes(fit.fits) for fit in asked], numeric=False),
        Column("reserved\npeak", [UNKNOWN if fit is None else format_bytes(fit.peak_reserved_bytes) for fit in asked]),
        Column(
            "allocated\npeak",
            [UNKNOWN if fit is None else format_bytes(fit.peak_allocated_bytes) for fit in asked],
            rank=2,
        ),
        Column("headroom", [UNKNOWN if fit is None else format_bytes(fit.headroom_bytes) for fit in asked], rank=3),
        Column("peak in", [UNKNOWN if fit is None else fit.peak_phase for fit in asked], rank=4, numeric=False),
        Column("largest\nbatch", [_largest(plan.batch) for plan in plans]),
        Column("longest\nrow", [_largest(plan.length) for plan in plans]),
    ]


def _largest(largest: Largest | None) -> str:
    if largest is None:
        return UNKNOWN
    if not largest.value:
        return "none"
    return str(largest.value) if largest.next_value else f"{largest.value} (all)"


def _yes(fits: bool) -> str:
    return "yes" if fits else "no"


def _print_changes(plan: Plan, console: Console) -> None:
    if plan.changes is None:
        return
    useful = [change for change in plan.changes if change.saved_bytes > 0]
    label = plan.cell.method_label
    if useful:
        print_columns(_change_columns(useful), console, f"{label}: what saves memory")
    else:
        console.print(Text(f"{label}: no single change saves memory."))
    useless = [change.knobs[0].name for change in plan.changes if change not in useful]
    if useful and useless:
        console.print(Text(f"Saves nothing here: {', '.join(useless)}."))
    if (together := plan.together) is not None:
        names = ", ".join(knob.name for knob in together.knobs)
        peak = format_bytes(together.fit.peak_reserved_bytes)
        console.print(Text(f"Together they fit, with a peak of {peak}: {names}."))
    elif plan.asked and not plan.asked.fits and not any(change.fit.fits for change in plan.changes):
        console.print(Text("None of these is enough, nor are several together: take a larger GPU."))


def _change_columns(changes: Sequence[Change]) -> list[Column]:
    fits = [change.fit for change in changes]
    return [
        Column("change", [change.knobs[0].name for change in changes], numeric=False, least=16),
        Column("saves", [format_bytes(change.saved_bytes) for change in changes]),
        Column("reserved\npeak", [format_bytes(fit.peak_reserved_bytes) for fit in fits], rank=3),
        Column("allocated\npeak", [format_bytes(fit.peak_allocated_bytes) for fit in fits], rank=4),
        Column("fits", [_yes(fit.fits) for fit in fits], rank=2, numeric=False),
        Column("option", [change.knobs[0].option for change in changes], rank=1, numeric=False, least=_OPTION_CELLS),
    ]


def _notes(plans: Sequence[Plan]) -> str:
    cell = plans[0].cell
    steps = {plan.length.step for plan in plans if plan.length}
    lines = [
        "All numbers are predicted, none is measured: peaks over loading, evaluation, the first and a later step. A "
        "peak that does not fit is what a larger GPU would need.",
    ]
    if cell.num_gpus > 1:
        lines.append(
            "Batches and peaks are those of one GPU, the one whose peak is the highest; without NCCL's own memory."
        )
    if steps:
        lines.append(
            f"largest batch: of rows with {cell.seq_len} tokens; longest row: alone in a batch, in steps of "
            f"{max(steps)} tokens. The next size was predicted too, and does not fit; (all): as much as is looked for "
            "or as the model reads."
        )
    return "\n".join(lines)
