"""Which categories and places grew at a moment of a step, as lines for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ladderscope.memory.places import BETWEEN, count
from ladderscope.regression.verdict import EntryVerdict, Growth, Moment
from ladderscope.units import format_bytes

_MOMENTS: dict[Moment, str] = {"peak": "At the peak", "saved for backward": "Of what forward leaves for backward"}


@dataclass(frozen=True, slots=True)
class CategoryChange:
    """A category of the breakdown at a moment.

    Args:
        name: of the category.
        change: bytes by which it grew.
        growths: its places that differ; empty where only the category's sum is known. They sum to ``change``.
    """

    name: str
    change: int
    growths: Sequence[Growth] = ()

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ")


def category_changes(verdict: EntryVerdict, moment: Moment) -> list[CategoryChange]:
    """The categories that differ at a moment in their sum or in a place, the largest growth first.

    Those of the peak sum to its change: what has no places (``rounding``, and all that was measured) comes from the
    breakdown.
    """
    placed: defaultdict[str, list[Growth]] = defaultdict(list)
    for growth in verdict.growths:
        if growth.moment == moment:
            placed[growth.category].append(growth)
    changes = {name: sum(growth.change for growth in growths) for name, growths in placed.items()}
    if moment == "peak":
        changes = {**_breakdown_changes(verdict), **changes}
    found = [CategoryChange(name, change, placed.get(name, ())) for name, change in changes.items()]
    return sorted(found, key=lambda category: -category.change)


def peak_changed(verdict: EntryVerdict) -> bool:
    """Whether the step's peak is made of something else than in the baseline."""
    return bool(category_changes(verdict, "peak"))


def _breakdown_changes(verdict: EntryVerdict) -> dict[str, int]:
    before = {} if verdict.before is None else verdict.before.breakdown
    after = {} if verdict.after is None else verdict.after.breakdown
    if not before or not after:
        return {}
    names = dict.fromkeys((*before, *after))
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in names}
    return {name: change for name, change in changes.items() if change}


@dataclass(frozen=True, slots=True)
class _Line:
    """Places of a module that changed alike: they differ in block and operation alone."""

    places: tuple[Growth, ...]

    @property
    def change(self) -> int:
        return sum(growth.change for growth in self.places)

    @property
    def number(self) -> int:
        return sum(count(growth.place) for growth in self.places)

    def __str__(self) -> str:
        """``"+4.50 MiB side_network.blocks.{0-11}: add.Tensor (12 places, each 384 KiB -> 768 KiB)"``."""
        first = self.places[0]
        module, between, _ = first.place.partition(BETWEEN)
        operations = ", ".join(growth.place.partition(BETWEEN)[2] for growth in self.places)
        return f"{_signed(self.change)} {module}{between}{operations} ({_each(first, self.number)})"


def _lines_of(growths: Iterable[Growth]) -> list[_Line]:
    """The growths, those of a module that changed alike together; the largest first."""
    alike: defaultdict[tuple[str, str, int, int], list[Growth]] = defaultdict(list)
    for growth in growths:
        module = growth.place.partition(BETWEEN)[0]
        alike[growth.category, module, growth.before, growth.after].append(growth)
    return sorted((_Line(tuple(group)) for group in alike.values()), key=lambda line: -abs(line.change))


def place_lines(categories: Sequence[CategoryChange], moment: Moment, most: int, *, grew: bool) -> list[str]:
    """Sentences on the categories that grew (or, without ``grew``, shrank), each with its places below it.

    Args:
        categories: of :func:`category_changes`.
        moment: theirs.
        most: lines of places, over all categories; what is cut is counted and summed.
        grew: which direction is to be explained; the other one is summed in one clause.
    """
    sign = 1 if grew else -1
    told = sorted((c for c in categories if c.change * sign > 0), key=lambda c: -c.change * sign)
    if not told:
        return _moved(categories, moment, most)
    verb, other_verb = ("grew", "shrank") if grew else ("shrank", "grew")
    named = _lines_of(g for category in told for g in category.growths if g.change * sign > 0)[:most]
    shown = {growth for line in named for growth in line.places}
    lines: list[str] = []
    for category in told:
        if shown.intersection(category.growths):
            lines.append(f"{category.title} {verb} by {format_bytes(abs(category.change))}:")
            lines += [f"  {line}" for line in _within(category, named, sign)]
    if others := [category for category in told if not shown.intersection(category.growths)]:
        lines.append(_sums("also, " if lines else "", others, verb))
    lines[0] = f"{_MOMENTS[moment]}, {lines[0]}"
    opposite = sorted((c for c in categories if c.change * sign < 0), key=lambda c: c.change * sign)
    if opposite:
        lines.append(_sums("on the other hand, ", opposite, other_verb))
    return [line[0].upper() + line[1:] for line in lines]


def _sums(start: str, categories: Sequence[CategoryChange], verb: str) -> str:
    """``"also, rounding grew by 2 KiB and gradients by 1 KiB."``"""
    texts = [f"{category.title} by {_size(category.change)}" for category in categories]
    texts[0] = f"{categories[0].title} {verb} by {_size(categories[0].change)}"
    listed = texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"
    return f"{start}{listed}."


def _within(category: CategoryChange, named: Sequence[_Line], sign: int) -> list[str]:
    """The named places of a category, what is left of the same sign, and what went the other way."""
    mine = [line for line in named if line.places[0].category == category.name]
    shown = {growth for line in mine for growth in line.places}
    lines = [str(line) for line in mine]
    if rest := _lines_of(g for g in category.growths if g.change * sign > 0 and g not in shown):
        lines.append(f"{_signed(_sum(rest))} in {_number(rest)} smaller")
    if other := _lines_of(g for g in category.growths if g.change * sign < 0):
        lines.append(f"{_signed(_sum(other))} in {_number(other)} that {'shrank' if sign > 0 else 'grew'}")
    return lines


def _moved(categories: Sequence[CategoryChange], moment: Moment, most: int) -> list[str]:
    """For places that differ though no category does in sum."""
    lines = _lines_of(growth for category in categories for growth in category.growths)
    if not lines:
        return []
    rest = [f"  {_number(lines[most:])} smaller"] if lines[most:] else []
    first = f"{_MOMENTS[moment]}, no category grew in sum, but its places differ:"
    return [first, *(f"  {line}" for line in lines[:most]), *rest]


def _each(growth: Growth, number: int) -> str:
    """What became of each of the places."""
    if not growth.before or not growth.after:
        word, num_bytes = ("gone", growth.before) if growth.before else ("new", growth.after)
        return word if number == 1 else f"{number} places, {word}, {format_bytes(num_bytes)} each"
    before, after = byte_values(growth.before, growth.after)
    return f"{before} -> {after}" if number == 1 else f"{number} places, each {before} -> {after}"


def byte_values(before: int, after: int) -> tuple[str, str]:
    """Two amounts for people; to the byte where they would read the same and are not."""
    texts = format_bytes(before), format_bytes(after)
    return (f"{before:,} B", f"{after:,} B") if texts[0] == texts[1] and before != after else texts


def _signed(num_bytes: int) -> str:
    return f"{'+' if num_bytes > 0 else '-' if num_bytes < 0 else ''}{_size(num_bytes)}"


def _size(num_bytes: int) -> str:
    return format_bytes(abs(num_bytes))


def _sum(lines: Sequence[_Line]) -> int:
    return sum(line.change for line in lines)


def _number(lines: Sequence[_Line]) -> int:
    return sum(line.number for line in lines)
