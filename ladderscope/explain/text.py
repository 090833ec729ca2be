"""Explanations for a terminal of any width."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from ladderscope.explain.answer import Answer
from ladderscope.explain.difference import difference_of
from ladderscope.explain.lines import tree_lines
from ladderscope.memory.names import plain_name
from ladderscope.memory.predict.allocations import Allocation
from ladderscope.parallel.ranks import fullest
from ladderscope.records import RankMemory
from ladderscope.terminal_columns import Column, print_named_columns
from ladderscope.units import format_bytes

DEPTH = 3
_BAR_CELLS = 20
_TERMS = (
    (" (x", "(x2): two modules that differ in their number alone, together"),
    ("workspace", "workspace: what cuBLAS keeps for its products"),
    ("rounding", "rounding: what the allocator adds to sizes that are asked for"),
)


def print_answer(answer: Answer, console: Console, depth: int = DEPTH) -> None:
    """Print where the peak of one cell is, whether it fits, and what it is made of."""
    _say(console, title_of(answer), "bold")
    _say(console, _summary(answer))
    if answer.ranks:
        _say(console, _ranks(answer.ranks))
    if answer.at is not None:
        _say(console, f"The peak is reached in {_where(answer.at)}.")
    lines = list(tree_lines(answer.tree, depth))
    sizes = [sum(node.num_bytes for node in line.nodes) for line in lines]
    total = max(answer.tree.num_bytes, 1)
    columns = [
        Column("memory", [format_bytes(size) for size in sizes]),
        Column("share", [f"{100 * size / total:.1f}%" for size in sizes], rank=1),
        Column("bytes", [f"{size:,}" for size in sizes], rank=4),
        Column("allocations", [f"{sum(node.allocations for node in line.nodes):,}" for line in lines], rank=3),
        Column("", ["█" * round(_BAR_CELLS * size / total) for size in sizes], rank=2, numeric=False),
    ]
    _print_table("at the peak", [line.stem + line.name for line in lines], columns, console)
    _print_terms([line.name for line in lines], console)
    print_end([answer], console)


def print_difference(a: Answer, b: Answer, console: Console, depth: int = DEPTH) -> None:
    """Print what the second cell needs beyond the first, the largest difference first."""
    for name, answer in (("A", a), ("B", b)):
        _say(console, f"{name}: {title_of(answer, beside=b if answer is a else a)}", "bold")
        _say(console, f"   {_summary(answer)}")
        if answer.ranks:
            _say(console, f"   {_ranks(answer.ranks)}")
    lines = list(tree_lines(difference_of(a.tree, b.tree), depth))
    in_a = [sum(node.a_bytes for node in line.nodes) for line in lines]
    in_b = [sum(node.b_bytes for node in line.nodes) for line in lines]
    differences = [second - first for first, second in zip(in_a, in_b, strict=True)]
    columns = [
        Column("A", [_amount(size) for size in in_a]),
        Column("B", [_amount(size) for size in in_b]),
        Column("B - A", [_signed(size) for size in differences]),
        Column("B - A in bytes", [f"{size:+,}" if size else "0" for size in differences], rank=2),
    ]
    _print_table("at the peaks", [line.stem + line.name for line in lines], columns, console)
    _print_terms([line.name for line in lines], console)
    print_end([a, b], console)


def _print_terms(names: list[str], console: Console) -> None:
    """Say what words of the table mean that are in it."""
    terms = [meaning for start, meaning in _TERMS if any(start in name for name in names)]
    if terms:
        _say(console, "; ".join(terms) + ".", "dim")


def print_end(answers: list[Answer], console: Console) -> None:
    """Print the largest allocations where they were asked for, and the rules that nothing has confirmed yet."""
    for name, answer in zip("AB", answers, strict=False):
        if answer.top:
            of = f" of {name}" if len(answers) > 1 else ""
            _print_top(answer.top, console, f"The largest allocations at the peak{of}")
    unverified = dict.fromkeys(rule for answer in answers for rule in answer.unverified)
    if unverified:
        _say(console, f"All of it is predicted. Not verified: {'; '.join(unverified)}.", "dim")


def title_of(answer: Answer, beside: Answer | None = None) -> str:
    """The cell, with the settings that tell it from the one beside it, and that it is predicted."""
    settings = answer.cell.to_json()
    others = settings if beside is None else beside.cell.to_json()
    named = ("model", "method", "rank", "reduction_factor", "seq_len", "settings", "lr", "data", "steps", "seed")
    telling = [name for name, value in settings.items() if name not in named and value != others.get(name)]
    notes = [f"{name.replace('_', ' ')} {settings[name]}" for name in telling]
    return ", ".join([answer.cell.label, *notes, f"predicted for {answer.gpu.title}"])


def _summary(answer: Answer) -> str:
    usable = format_bytes(answer.gpu.usable_bytes)
    verdict = f"Fits into {usable}" if answer.fits else f"Does not fit into {usable}"
    others = [f"{phase} ({format_bytes(reserved)} reserved)" for phase, reserved in answer.too_large_elsewhere.items()]
    elsewhere = f" What does not fit: {', '.join(others)}; see --phase." if others else ""
    return (
        f"{answer.phase.capitalize()}: {format_bytes(answer.tree.num_bytes)} allocated at the peak, "
        f"{format_bytes(answer.reserved_bytes)} reserved. {verdict}, what the GPU leaves to PyTorch.{elsewhere}"
    )


def _ranks(ranks: Sequence[RankMemory]) -> str:
    """Whose memory is explained, and how far it is from that of the others."""
    shown = fullest(ranks)
    least = min(ranks, key=lambda rank: rank.peak_allocated_bytes)
    peak = format_bytes(least.peak_allocated_bytes)
    if least.peak_allocated_bytes == ranks[shown].peak_allocated_bytes:
        return f"Rank {shown} of {len(ranks)} is explained; at a steady step all of them have the same peak."
    return (
        f"Rank {shown} of {len(ranks)} is explained, whose steady step has the highest peak; the lowest, of rank "
        f"{least.rank}, is {peak}."
    )


def _where(allocation: Allocation) -> str:
    module = f", in {plain_name(allocation.module).strip('()')}" if allocation.module else ""
    return f"{allocation.phase}{module}, by {allocation.operation}"


def _print_top(top: tuple[Allocation, ...], console: Console, heading: str) -> None:
    columns = [
        Column("memory", [format_bytes(allocation.num_bytes) for allocation in top]),
        Column("category", [allocation.category.replace("_", " ") for allocation in top], rank=2, numeric=False),
        Column("phase", [allocation.phase for allocation in top], rank=3, numeric=False),
        Column("shape", [allocation.shape for allocation in top], rank=4, numeric=False),
    ]
    names = [_owner(allocation) for allocation in top]
    _print_table(heading, names, columns, console)


def _owner(allocation: Allocation) -> str:
    return f"{plain_name(allocation.module)}: {allocation.operation}" if allocation.module else allocation.operation


def _print_table(heading: str, names: list[str], columns: list[Column], console: Console) -> None:
    print_named_columns(heading, names, columns, console, shorten=_shortened)


def _shortened(name: str, cells: int) -> str:
    if cell_len(name) <= cells:
        return name
    end = name[name.rindex(" (x") :] if name.endswith(")") and " (x" in name else ""
    return set_cell_size(name, cells - 1 - len(end)) + "…" + end


def _amount(num_bytes: int) -> str:
    return format_bytes(num_bytes) if num_bytes else "-"


def _signed(num_bytes: int) -> str:
    return f"{'+' if num_bytes > 0 else ''}{format_bytes(num_bytes)}" if num_bytes else "0"


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style=style))
