"""Plans of padded batches on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.text import Text

from ladderscope.planning.forecasts import Fit
from ladderscope.planning.padded import PaddedPlan, Run
from ladderscope.planning.text import UNKNOWN
from ladderscope.terminal_columns import Column, print_columns
from ladderscope.units import format_bytes


def print_padded(plans: Sequence[PaddedPlan], console: Console) -> None:
    """Print how long batches get, and per GPU what each method makes of them, as wide as ``console`` allows."""
    if not plans:
        return
    console.print(Text(describe_run(plans[0].run)))
    for _, group in itertools.groupby(plans, key=lambda plan: plan.gpu):
        of_gpu = list(group)
        print_columns(_columns(of_gpu), console, _heading(of_gpu[0]))
        for line in filter(None, map(_advice, of_gpu)):
            console.print(Text(line))
    console.print(Text(_notes(plans[0].run), style="dim"))


def describe_run(run: Run) -> str:
    """How long batches get, in words."""
    lengths, rows = run.lengths, f"{run.rows} row{'s' * (run.rows > 1)}"
    cut = f", {lengths.num_cut} of them cut there" if lengths.num_cut else ""
    return (
        f"{lengths.num_rows} lengths from {lengths.shortest} to {lengths.longest} tokens{cut}. "
        f"A batch of {rows} is padded to {run.median} tokens in the median, to {run.padded(0.99)} or less in 99 of "
        f"100. The longest of {run.steps} steps is padded to {run.expected_longest:.0f} on average."
    )


def format_chance(chance: float) -> str:
    """A chance in percent: ``'0'``, ``'3.2e-05 %'``, ``'12 %'``, ``'over 99.9 %'``, ``'certain'``."""
    if chance in (0, 1):
        return "certain" if chance else "0"
    if chance > 0.999:
        return "over 99.9 %"
    return f"{100 * chance:.{3 if chance > 0.99 else 2}g} %"


def _heading(plan: PaddedPlan) -> str:
    cell, gpu = plan.cell, plan.gpu
    rows = f"batches of {cell.batch_size}, padded"
    return f"{cell.model.removeprefix('random:')} on {gpu.name}: {rows}, {format_bytes(gpu.usable_bytes)} usable"


def _columns(plans: Sequence[PaddedPlan]) -> list[Column]:
    def column(header: str, text: Callable[[PaddedPlan], str], rank: int = 0) -> Column:
        return Column(header, [text(plan) for plan in plans], rank=rank)

    longest, median = plans[0].run.lengths.longest, plans[0].run.median
    return [
        Column("method", [plan.cell.method_label for plan in plans], numeric=False),
        column("longest\nthat fits", _limit),
        column("step\nruns out", lambda plan: _chance(plan, plan.run.chance_in_step)),
        column("run\nruns out", lambda plan: _chance(plan, plan.run.chance_in_run)),
        column(f"reserved\nat {longest}", lambda plan: _reserved(plan.longest)),
        column(f"allocated\nat {longest}", lambda plan: _allocated(plan.longest), rank=3),
        column(f"reserved\nat {median}", lambda plan: _reserved(plan.median), rank=1),
        column(f"allocated\nat {median}", lambda plan: _allocated(plan.median), rank=4),
        column("reserved,\nvaried order", _varied, rank=2),
    ]


def _reserved(fit: Fit | None) -> str:
    return UNKNOWN if fit is None else format_bytes(fit.peak_reserved_bytes)


def _allocated(fit: Fit | None) -> str:
    return UNKNOWN if fit is None else format_bytes(fit.peak_allocated_bytes)


def _chance(plan: PaddedPlan, of_longer: Callable[[int], float]) -> str:
    return UNKNOWN if plan.limit is None else format_chance(of_longer(plan.limit.value))


def _limit(plan: PaddedPlan) -> str:
    if plan.limit is None:
        return UNKNOWN
    if not plan.limit.value:
        return "none"
    return str(plan.limit.value) if plan.limit.next_value else f"{plan.limit.value} (all)"


def _varied(plan: PaddedPlan) -> str:
    if plan.varied is None:
        return "-" if plan.safe == 0 else UNKNOWN
    return format_bytes(plan.varied.fit.peak_reserved_bytes) + " no" * (not plan.varied.fit.fits)


def _advice(plan: PaddedPlan) -> str | None:
    """Where to cut, if anywhere."""
    if plan.safe is None or plan.limit is None:
        return None
    label, lengths = plan.cell.method_label, plan.run.lengths
    if not plan.safe:
        return f"{label}: no length is safe in batches of {plan.run.rows}: take fewer rows, or a larger GPU."
    if plan.safe == lengths.longest:
        return f"{label}: no row need be cut."
    num_cut = lengths.num_longer(plan.safe)
    share = format_chance(num_cut / lengths.num_rows)
    order = ""
    if plan.varied is not None and not plan.varied.fit.fits:
        chance = format_chance(plan.run.chance_in_run(plan.safe))
        order = (
            f" In a varied order it runs out with {plan.limit.value} tokens already; the chance that a run has a "
            f"batch of more than {plan.safe}: {chance}."
        )
    return f"{label}: cut rows at {plan.safe} tokens to be safe ({num_cut} of {lengths.num_rows}, {share}).{order}"


def _notes(run: Run) -> str:
    batch = f"{run.rows * run.micro_batches} rows"
    return (
        "All sizes are predicted, none is measured: peaks over loading, evaluation and training, each row of a batch "
        "at its padded length and without an attention mask. Sizes that do not fit are what a larger GPU would need.\n"
        f"The chances are exact for rows that are drawn with replacement, {batch} to a step: 1 - F(L)^n for n rows, F "
        "being the share of rows of at most L tokens. An epoch without replacement meets every row, so that any that "
        "is too long runs it out. The next longer batch was predicted too, and does not fit; still longer ones are "
        f"taken not to fit either. (all): as long as rows are. Run: {run.steps} steps.\n"
        "Varied order: six steps that get longer, up to the longest that fits, and then shorter; what differs is "
        "memory lost between blocks. With `no` it runs out."
    )
