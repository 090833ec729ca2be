"""What the report of a failing test shows beside the sentence: the largest allocations, and why it grew."""

from __future__ import annotations

from ladderscope.memory.names import plain_name
from ladderscope.regression.pytest_plugin.watch import Watch, Watched
from ladderscope.units import format_bytes

_SHOWN = 5


def sections_of(watch: Watch) -> list[tuple[str, str]]:
    """Sections of a report, each with its heading."""
    if watch.watched is None:
        return []
    sections = [(f"memory, {watch.watched.how}", "\n".join(_allocations(watch.watched)))]
    if watch.causes:
        sections.append(("memory, compared with the baseline", "\n".join(watch.causes)))
    return sections


def _allocations(watched: Watched) -> list[str]:
    top = watched.trace.top_allocations(_SHOWN)
    peak = format_bytes(watched.trace.peak_allocated_bytes)
    lines = [f"The largest allocations at the allocated peak of {peak}:"]
    for block in top:
        place = f"{plain_name(block.module)}: {block.operation}" if block.module else block.operation
        # What nobody told apart is no category that says something.
        known = [text for text in (block.category.replace("_", " "), block.phase) if text and text != "other"]
        lines.append(f"{format_bytes(block.block_bytes):>9}  {place}" + (f" ({', '.join(known)})" if known else ""))
    return [*lines, *(f"Not verified: {doubt}." for doubt in watched.doubts)]
