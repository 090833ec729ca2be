"""Markdown of a study's pages."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.studies.findings import Table, Value


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def section_of(table: Table) -> str:
    """A table with its title, a sentence on where its numbers come from, and its note."""
    mixed = {"measured", "predicted"} <= table.bases
    rows = [[_shown(cell, mark_measured=mixed) for cell in row] for row in table.rows]
    parts = [f"### {table.title}", basis_sentence(table), table_text(table.columns, rows), table.note.strip()]
    return "\n\n".join(part for part in parts if part)


def basis_sentence(table: Table) -> str:
    """Where the numbers of a table come from."""
    bases = table.bases
    own = {
        frozenset({"measured"}): f"**Measured** on {table.hardware}.",
        frozenset({"predicted"}): "**Predicted**, not measured.",
        frozenset({"measured", "predicted"}): "**Predicted**, but for the cells that say **measured**.",
    }.get(frozenset(bases - {"published"}), "")
    published = "Published numbers are the paper's own." if "published" in bases else ""
    return " ".join(part for part in (own, published) if part)


def one_line(text: str) -> str:
    """The text without breaks."""
    return " ".join(text.split())


def _shown(cell: str | Value, *, mark_measured: bool) -> str:
    if isinstance(cell, str):
        return cell
    return f"{cell.text} **measured**" if mark_measured and cell.basis == "measured" else cell.text


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
