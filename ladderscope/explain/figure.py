"""Memory over a step as a figure, stacked by category; two cells get a panel each with the same scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ladderscope.errors import UsageError
from ladderscope.explain.answer import Answer
from ladderscope.explain.text import title_of
from ladderscope.explain.timeline import Timeline, timeline_of
from ladderscope.report.figures.style import new_figure, report_style, to_png, to_svg
from ladderscope.report.palette import CATEGORY_COLOURS
from ladderscope.units import GIB, MIB, format_bytes

_RENDERERS = {".png": to_png, ".svg": to_svg}
_NEAR = 1.4
"""A limit above the peak is drawn where it is less than this many times as high."""
_NARROW = 0.08
"""Of the width: a section that takes less has no room for its name."""
_BEHIND_TEXT = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
_INK, _LIMIT = "#222222", "#B00020"


def check_figure_path(path: Path) -> None:
    """Refuse a name that is not that of a PNG or SVG file.

    Raises:
        UsageError: another ending.
    """
    if path.suffix.lower() not in _RENDERERS:
        raise UsageError(f"--figure writes PNG or SVG: give a name that ends with .png or .svg, not {path.name!r}.")


def render_figure(answers: Sequence[Answer], suffix: str) -> bytes:
    """The figure of one or two answers as a file of the kind that ``suffix`` says, ``".png"`` or ``".svg"``."""
    with report_style():
        return _RENDERERS[suffix.lower()](draw(answers))


def draw(answers: Sequence[Answer]) -> Figure:
    """A panel for each answer: memory behind every allocation and free of its phase."""
    timelines = [timeline_of(answer.trace, answer.phase) for answer in answers]
    scale, unit = (GIB, "GiB") if max(timeline.peak_bytes for timeline in timelines) >= GIB else (MIB, "MiB")
    figure = new_figure(8.5 if len(answers) == 1 else 12.5, 5.2)
    panels = figure.subplots(1, len(answers), sharey=True, squeeze=False)[0]
    tops = [_top(answer, timeline) / scale for answer, timeline in zip(answers, timelines, strict=True)]
    for axes, answer, timeline in zip(panels, answers, timelines, strict=True):
        _panel(axes, answer, timeline, scale)
        axes.set_ylim(0, max(tops) * 1.12)
    panels[0].set_ylabel(f"predicted memory ({unit})")
    shown = [name for name in CATEGORY_COLOURS if any(any(line.by_category[name]) for line in timelines)]
    handles: list[Patch | Line2D] = [
        Patch(color=CATEGORY_COLOURS[name], label=name.replace("_", " ")) for name in shown
    ]
    handles.append(Line2D([], [], color=_INK, linewidth=1, linestyle=":", label="reserved by the allocator"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5)
    return figure


def _panel(axes: Axes, answer: Answer, timeline: Timeline, scale: int) -> None:
    last = max([*timeline.events, 1])
    _stack(axes, timeline, scale)
    axes.plot(timeline.events, [size / scale for size in timeline.reserved_bytes], ":", color=_INK, linewidth=1)
    _mark_peak(axes, timeline, scale, last)
    if _is_limit_near(answer, timeline):
        _mark_limit(axes, answer, scale)
    _mark_sections(axes, timeline, last)
    axes.set_xlim(0, last)
    axes.set_title(_title(answer), pad=20)
    axes.set_xlabel(f"allocations and frees of the {answer.phase}, in order")


def _stack(axes: Axes, timeline: Timeline, scale: int) -> None:
    floor = [0.0] * len(timeline.events)
    for name, colour in CATEGORY_COLOURS.items():
        sizes = timeline.by_category[name]
        top = [low + size / scale for low, size in zip(floor, sizes, strict=True)]
        if any(sizes):
            axes.fill_between(timeline.events, floor, top, step="post", color=colour, linewidth=0)
        floor = top


def _mark_peak(axes: Axes, timeline: Timeline, scale: int, last: int) -> None:
    height = timeline.peak_bytes / scale
    axes.plot([timeline.peak_at], [height], "v", color=_INK, markersize=7, clip_on=False)
    is_right = timeline.peak_at > last / 2
    axes.annotate(
        f"peak {format_bytes(timeline.peak_bytes)}",
        (timeline.peak_at, height),
        (-8 if is_right else 8, 6),
        textcoords="offset points",
        ha="right" if is_right else "left",
        weight="bold",
        bbox=_BEHIND_TEXT,
    )


def _mark_limit(axes: Axes, answer: Answer, scale: int) -> None:
    height = answer.gpu.usable_bytes / scale
    axes.axhline(height, color=_LIMIT, linewidth=1.4, linestyle="--")
    axes.annotate(
        f"{format_bytes(answer.gpu.usable_bytes)} usable by PyTorch",
        (0, height),
        (4, 5),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        color=_LIMIT,
        bbox=_BEHIND_TEXT,
    )


def _mark_sections(axes: Axes, timeline: Timeline, last: int) -> None:
    ends = [start for start, _ in timeline.sections[1:]] + [last]
    for (start, name), end in zip(timeline.sections, ends, strict=True):
        if start:
            axes.axvline(start, color=_INK, linewidth=0.7, alpha=0.35)
        if end - start >= _NARROW * last:
            # In the middle, but for a narrow one at the end, whose name would leave the figure.
            is_at_end = end == last and end - start < 2 * _NARROW * last
            place, side = (end, "right") if is_at_end else ((start + end) / 2, "center")
            axes.annotate(name, (place, 1.01), xycoords=("data", "axes fraction"), ha=side, fontsize=9)


def _is_limit_near(answer: Answer, timeline: Timeline) -> bool:
    return answer.gpu.usable_bytes <= _NEAR * timeline.peak_bytes


def _top(answer: Answer, timeline: Timeline) -> int:
    highest = max([timeline.peak_bytes, *timeline.reserved_bytes])
    return max(highest, answer.gpu.usable_bytes) if _is_limit_near(answer, timeline) else highest


def _title(answer: Answer) -> str:
    cell, gpu = title_of(answer).rsplit(", ", 1)
    return f"{cell}\n{gpu}"
