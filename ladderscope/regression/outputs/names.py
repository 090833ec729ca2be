"""Names of entries in little room: what all share goes into a title; of the rest, the method and the size stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

_HOW = re.compile(r"(?:predicted|measured) (?P<short>(?:for|on) .+)")
"""The last part of a cell's name: ``"predicted for t4-16gb"``, ``"measured on a CPU"``."""
_BETWEEN_WORDS = re.compile(r" (?!tokens\b)")
"""``"64 tokens"`` is one word."""
_COMMA = ", "
_LEAST_MODEL = 6
"""Terminal cells below which a model's name says nothing."""
_LEAST_END = 3
"""The same of the end of the settings."""


@dataclass(frozen=True, slots=True)
class _Name:
    """What is left of a name beside its title.

    Args:
        words: of the label, the model first: ``["random:gpt2", "lora", "r=8", "512 tokens"]``.
        settings: the parts behind it: ``["fp32"]``.
        how: the hardware, ``"predicted for t4-16gb"``.
        has_model: whether the first word is a model.
        is_of_cell: whether it had a hardware, as the names of cells have and those of tests have not.
    """

    words: Sequence[str]
    settings: Sequence[str]
    how: str
    has_model: bool
    is_of_cell: bool

    @property
    def parts(self) -> list[tuple[str, str]]:
        """All of it, with what stands in front of each part."""
        return [
            *((" ", word) for word in self.words),
            *((_COMMA, part) for part in (*self.settings, self.how) if part),
        ]

    @property
    def model(self) -> str:
        return self.words[0] if self.has_model else ""

    @property
    def label(self) -> str:
        """The method and the size."""
        return " ".join(self.words[1 if self.has_model else 0 :])

    @property
    def short_how(self) -> str:
        """``"for t4-16gb"``; whether it is predicted is told beside the names."""
        found = _HOW.fullmatch(self.how)
        return found["short"] if found else ""

    def text(self, model: str, how: str) -> str:
        """The name with this model and hardware; at least something."""
        label = " ".join(filter(None, [model, self.label]))
        return _COMMA.join(filter(None, [label, *self.settings, how])) or self.short_how

    def ways(self, cells: int) -> list[str]:
        """Ever shorter texts; the model and the hardware go before the rest."""
        short, model = self.short_how, self.model
        return [
            self.text(model, self.how),
            self.text(model, short),
            self.text(model, ""),
            self.text("", short),
            self.text(self._cut_model(short, cells), short),
            self.text(self._cut_model("", cells), ""),
            self.text("", ""),
        ]

    def _cut_model(self, how: str, cells: int) -> str:
        """As much of the model as there is room for."""
        room = cells - cell_len(self.text("", how)) - 1
        return _middle_cut(self.model, room) if room >= _LEAST_MODEL else ""

    def cut(self, cells: int) -> str:
        """The method, the size, and of the settings what there is room for."""
        text = self.text("", "")
        if cell_len(text) <= cells:
            return text
        end = cells - cell_len(self.label) - 1
        if end < _LEAST_END:
            return set_cell_size(text, max(cells - 1, 0)).rstrip() + "…"
        return f"{self.label}…{text[-end:].lstrip(_COMMA)}"


class TableNames:
    """The names of a table's entries.

    Args:
        names: of the entries, of which some may be the same.

    Attributes:
        shared: what all have in common and the title is to tell; of one entry its model and hardware.
        short_of: each name without that.
    """

    def __init__(self, names: Iterable[str]) -> None:
        full = list(dict.fromkeys(names))
        self.shared, left = _split(full)
        texts = [_joined(name.parts) for name in left]
        self.short_of = dict(zip(full, texts, strict=True))
        self._names = dict(zip(texts, left, strict=True))
        self._fitted: dict[int, dict[str, str]] = {}

    def titled(self, title: str) -> str:
        """The title with what all names share."""
        return f"{title} ({self.shared})" if self.shared else title

    def shortened(self, text: str, cells: int) -> str:
        """One of the short names, or another text, in so many terminal cells.

        Left out or cut is first what tells least about an entry, as long as that leaves all names different; a name
        that is none of a cell loses its middle, since tests tend to differ at both ends.
        """
        if cells not in self._fitted:
            self._fitted[cells] = _fitted(self._names, cells)
        return self._fitted[cells].get(text) or _middle_cut(text, cells)


def _split(full: Sequence[str]) -> tuple[str, list[_Name]]:
    """What all names share at either end, and what is left of each."""
    parsed = [_parsed(name) for name in full]
    if not parsed:
        return "", []
    if len(parsed) == 1:
        first = last = int(parsed[0].has_model)
    else:
        last = _number_shared([[part for sep, part in name.parts[:0:-1] if sep == _COMMA] for name in parsed])
        first = _number_shared([name.parts[: max(len(name.parts) - last - 1, 0)] for name in parsed])
    parts = parsed[0].parts
    shared = [_joined(parts[:first]), *(part for _, part in parts[len(parts) - last :])]
    return _COMMA.join(filter(None, shared)), [_without(name, first, last) for name in parsed]


def _parsed(name: str) -> _Name:
    label, *settings = name.split(_COMMA)
    how = settings.pop() if settings and _HOW.fullmatch(settings[-1]) else ""
    words = _BETWEEN_WORDS.split(label)
    return _Name(words, settings, how, has_model=bool(how) and len(words) > 1, is_of_cell=bool(how))


def _without(name: _Name, first: int, last: int) -> _Name:
    """The name without so many parts at either end."""
    end = len(name.settings) - max(last - bool(name.how), 0)
    settings = name.settings[max(first - len(name.words), 0) : end]
    return _Name(name.words[first:], settings, "" if last else name.how, name.has_model and not first, name.is_of_cell)


def _joined(parts: Sequence[tuple[str, str]]) -> str:
    return "".join(between + part for between, part in parts)[len(parts[0][0]) :] if parts else ""


def _number_shared(lists: Iterable[Sequence[object]]) -> int:
    number = 0
    for items in zip(*lists, strict=False):
        if len(set(items)) > 1:
            break
        number += 1
    return number


def _fitted(names: Mapping[str, _Name], cells: int) -> dict[str, str]:
    """Each of the names of cells by the first way in which all fit and differ; else each by the first that it fits."""
    of_cells = {text: name for text, name in names.items() if name.is_of_cell}
    each = [name.ways(cells) for name in of_cells.values()]
    ways = [dict(zip(of_cells, texts, strict=True)) for texts in zip(*each, strict=True)]
    for way in ways:
        if len(set(way.values())) == len(way) and all(cell_len(text) <= cells for text in way.values()):
            return way
    return {
        text: next((way[text] for way in ways if cell_len(way[text]) <= cells), name.cut(cells))
        for text, name in of_cells.items()
    }


def _middle_cut(name: str, cells: int) -> str:
    if cell_len(name) <= cells:
        return name
    end = name[len(name) - (cells - 1) // 2 :]
    while cell_len(end) > (cells - 1) // 2:  # letters that are two cells wide
        end = end[1:]
    return f"{set_cell_size(name, cells - 1 - cell_len(end)).rstrip()}…{end.lstrip()}"
