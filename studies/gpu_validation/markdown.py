"""Numbers and tables as Markdown, alike in every part of the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ladderscope.units import GIB, format_flops

MISSING = "–"
"""Where there is no number."""


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A table whose first ``texts`` columns are text, and the others numbers."""
    rule = ["---"] * texts + ["---:"] * (len(headings) - texts)
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in (headings, rule, *rows))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def gib(num_bytes: float | None) -> str:
    """Bytes as a number of GiB, with two decimals."""
    return MISSING if num_bytes is None else f"{num_bytes / GIB:.2f}"


def ratio(value: float | None, decimals: int = 4) -> str:
    """A quotient."""
    return MISSING if value is None else f"{value:.{decimals}f}"


def percent(share: float | None) -> str:
    """A share as percent, with two decimals."""
    return MISSING if share is None else f"{100 * share:.2f}%"


def seconds(value: float | None) -> str:
    """Seconds with four digits behind the point, as steps of small cells take a few hundredths."""
    return MISSING if value is None else f"{value:.4f}"


def rate(per_second: float | None) -> str:
    """Something per second, a whole number."""
    return MISSING if per_second is None else f"{per_second:,.0f}"


def flops(per_second: float | None) -> str:
    """FLOPs per second with a decimal prefix: ``'312 TFLOP/s'``."""
    return MISSING if per_second is None else f"{format_flops(per_second)}/s"
