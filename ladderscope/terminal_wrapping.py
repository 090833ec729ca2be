"""Text on several lines of a terminal: broken at spaces, and words that are longer than a line behind a sign."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.cells import cell_len, chop_cells

_PIECE = re.compile(r"[^=:,/]*[=:,/]+|[^=:,/]+")
"""Of a word that is too long: ``PYTORCH_ALLOC_CONF=`` and ``expandable_segments:`` and ``True``."""


def wrapped(text: str, width: int) -> str:
    """The text with lines of at most ``width`` terminal cells; its own line ends stay."""
    return "\n".join(line for paragraph in text.split("\n") for line in _lines(paragraph, width))


def _lines(paragraph: str, width: int) -> Iterator[str]:
    line = ""
    for word in paragraph.split(" "):
        together = f"{line} {word}" if line else word
        if cell_len(together) <= width:
            line = together
            continue
        if line:
            yield line
        *full, line = _pieces(word, width)
        yield from full
    yield line


def _pieces(word: str, width: int) -> list[str]:
    """A word as parts that each fit on a line, as few as its signs allow."""
    parts = [""]
    for piece in _PIECE.findall(word):
        if cell_len(parts[-1] + piece) <= width:
            parts[-1] += piece
        else:
            parts += chop_cells(piece, width)
    return [part for part in parts if part] or [""]
