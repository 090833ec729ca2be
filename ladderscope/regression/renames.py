"""Modules that have another name than in the baseline: what they hold is still there, and would bury what grew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from ladderscope.memory.places import BETWEEN, fold, unfold
from ladderscope.regression.verdict import Growth, Moment

_ANY = "*"
"""In a rule, the number of a block, which is what it was."""
_MOST_RULES = 3
_Names = tuple[str, ...]
_Rule = tuple[_Names, _Names]
"""With what the names of modules began, and with what they begin now."""
_Pair = tuple[str, str]
"""A place under its old name and under its new one; or a category and a place."""
_Where = tuple[Moment, str]
"""A moment and a category."""


@dataclass(slots=True)
class _Places:
    """What differs at one moment in one category, by unfolded place; only what is in the same is ever paired."""

    gone: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)
    resized: dict[str, tuple[int, int]] = field(default_factory=dict)

    def candidates(self) -> Iterator[_Pair]:
        """Pairs that may be one place: the same operation, numbers and bytes, and where there are such, last names."""
        alike: defaultdict[object, list[str]] = defaultdict(list)
        for place, num_bytes in self.new.items():
            alike[_traits(place, num_bytes)].append(place)
        for old, num_bytes in self.gone.items():
            found = alike.get(_traits(old, num_bytes), ())
            last = _names(old)[-1]
            for new in [new for new in found if _names(new)[-1] == last] or found:
                if not old.startswith("(") and not new.startswith("("):  # these are no names of modules
                    yield old, new

    def has(self, pair: _Pair) -> bool:
        """Whether neither of the two has been explained yet."""
        return pair[0] in self.gone and pair[1] in self.new

    def pair(self, rule: _Rule) -> list[str]:
        """Take the places that the rule renames for the same ones, and return them, by their new names."""
        pairs = [(old, new) for old in self.gone if (new := _renamed(old, rule)) in self.new and new]
        for old, new in pairs:
            self.resized[new] = self.gone.pop(old), self.new.pop(new)
        return [new for _, new in pairs]

    def growths(self, moment: Moment, category: str) -> list[Growth]:
        """What differs still."""
        differing = {place: pair for place, pair in self.resized.items() if pair[0] != pair[1]}
        differing |= {place: (num_bytes, 0) for place, num_bytes in self.gone.items()}
        differing |= {place: (0, num_bytes) for place, num_bytes in self.new.items()}
        return [Growth(moment, category, place, *pair) for place, pair in fold(differing).items()]


def without_renames(growths: Sequence[Growth]) -> tuple[list[Growth], list[str]]:
    """The growths but for modules that were only renamed, and what is to be said of these.

    A module counts as renamed where as many bytes of the same operation are gone under one name and new under another,
    in the same blocks. The rule is then that of its other places too, so that one that also grew shows by how much.

    Returns:
        Growths that sum to the same by moment and category, and one sentence or none.
    """
    by_where: defaultdict[_Where, _Places] = defaultdict(_Places)
    for growth in growths:
        places = by_where[growth.moment, growth.category]
        for place, (before, after) in unfold({growth.place: (growth.before, growth.after)}).items():
            if before and after:
                places.resized[place] = before, after
            else:
                (places.gone if before else places.new)[place] = before or after
    renamed = _renamed_by_rule(by_where)
    if not renamed:
        return list(growths), []
    rest = [growth for where, places in by_where.items() for growth in places.growths(*where)]
    # Moments stay in their order, as those of a comparison.
    moments = list(dict.fromkeys(growth.moment for growth in growths))
    rest.sort(key=lambda g: (moments.index(g.moment), -g.change, g.category, g.place))
    return rest, [_sentence(renamed)]


def _renamed_by_rule(by_where: Mapping[_Where, _Places]) -> dict[_Rule, set[_Pair]]:
    """Category and new name of the places that each rule renamed; the rule that explains most comes first."""
    support: defaultdict[_Rule, list[tuple[_Places, _Pair]]] = defaultdict(list)
    for places in by_where.values():
        for pair in places.candidates():
            support[_rule_of(*map(_names, pair))].append((places, pair))
    found: dict[_Rule, set[_Pair]] = {}
    for rule in sorted(support, key=lambda rule: (-len(support[rule]), -_shared(*rule), rule)):
        # What another rule has explained supports this one no more.
        if any(places.has(pair) for places, pair in support[rule]):
            found[rule] = {(where[1], new) for where, places in by_where.items() for new in places.pair(rule)}
    return found


def _shared(old: _Names, new: _Names) -> int:
    """How much two names have in common: ``q_proj`` is rather ``query`` than ``key``."""
    letters = zip(".".join(old), ".".join(new), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], letters))


def _rule_of(old: _Names, new: _Names) -> _Rule:
    """Without what both names end with; numbers are those of any block."""
    tail = 0
    while tail < min(len(old), len(new)) - 1 and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return _any_block(old[: len(old) - tail]), _any_block(new[: len(new) - tail])


def _any_block(names: _Names) -> _Names:
    return tuple(_ANY if name.isdecimal() else name for name in names)


def _renamed(place: str, rule: _Rule) -> str | None:
    """The place under its new name; None where the rule says nothing of it."""
    old, new = rule
    names = _names(place)
    if _any_block(names[: len(old)]) != old:
        return None
    numbers = (name for name in names[: len(old)] if name.isdecimal())
    head = [next(numbers, _ANY) if name == _ANY else name for name in new]
    return ".".join([*head, *names[len(old) :]]) + place[len(place.partition(BETWEEN)[0]) :]


def _names(place: str) -> _Names:
    return tuple(place.partition(BETWEEN)[0].split("."))


def _traits(place: str, num_bytes: int) -> object:
    """What a place keeps under another name."""
    numbers = tuple(name for name in _names(place) if name.isdecimal())
    return place.partition(BETWEEN)[2], numbers, num_bytes


def _sentence(renamed: Mapping[_Rule, set[_Pair]]) -> str:
    """``"302 places have other names: side_network.layers.* is now side_network.blocks.*."``"""
    number = sum(map(len, renamed.values()))
    texts = [_text(rule, renamed[rule]) for rule in list(renamed)[:_MOST_RULES]]
    if len(renamed) > _MOST_RULES:
        texts.append(f"and {len(renamed) - _MOST_RULES} more")
    places = "1 place has another name" if number == 1 else f"{number} places have other names"
    return f"{places}: {', '.join(texts)}."


def _text(rule: _Rule, renamed: set[_Pair]) -> str:
    old, new = map(".".join, rule)
    below = f".{_ANY}" if any(len(_names(place)) > len(rule[1]) for _, place in renamed) else ""
    return f"{old}{below} is now {new}{below}"
