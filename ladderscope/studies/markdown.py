"""Markdown of a study's pages."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.studies.bases import ON_CPU, ON_GPU, PREDICTED, Basis, table_sentence
from ladderscope.studies.findings import Table, Value

_OWN = (PREDICTED, ON_CPU, ON_GPU)


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def section_of(table: Table) -> str:
    """A table with its title, a sentence on where its numbers come from, and its note."""
    usual = next((basis for basis in _OWN if basis in table.bases), None)
    # A table that says itself where its numbers come from needs no mark on each of them.
    rows = [[_shown(cell, usual, marks=not table.origin) for cell in row] for row in table.rows]
    origin = table.origin or table_sentence(table.bases)
    parts = [f"### {table.title}", origin, table_text(table.columns, rows), table.note.strip()]
    return "\n\n".join(part for part in parts if part)


def one_line(text: str) -> str:
    """The text without breaks."""
    return " ".join(text.split())


def _shown(cell: str | Value, usual: Basis | None, *, marks: bool) -> str:
    if isinstance(cell, str):
        return cell
    is_marked = marks and cell.basis in _OWN and cell.basis != usual
    return f"{cell.text} **{cell.basis}**" if is_marked else cell.text


def _cell(text: str) -> str:
    return one_line(text).replace("|", "\\|")
