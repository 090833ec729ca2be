"""One choice of a side network at a time: the variants, each with all choices spelt out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ladderscope.methods.settings import canonical_settings

Choice = str | float | bool
REFERENCE_SETTINGS: Mapping[str, Choice] = {
    "taps": "all",
    "embedding_tap": "none",
    "downsample": "frozen",
    "downsample_rank": 16,
    "downsample_norm": False,
    "basis": "principal",
    "tap_storage": "full",
    "gate": "scalar",
    "gate_temperature": 0.1,
    "gate_init": 0.0,
    "side_block": "backbone",
    "init": "identity",
    "importance": "magnitude",
    "output": "add",
    "output_gain": 8.0,
    "dropout": 0.0,
    "checkpoint_blocks": False,
}
"""Every choice that a side network makes, as Ladder made them when the studies were planned.

All are in a cell's text, so that another default of the package leaves the cell what it was, and so that the reference
of every study is the same cell.
"""
_ONLY_WITH: Mapping[str, tuple[str, Choice]] = {
    "basis": ("downsample", "frozen"),
    "downsample_rank": ("downsample", "adapter"),
    "importance": ("init", "pruned"),
}
"""Choices that decide nothing but beside another one."""


def chosen_beside(field: str, value: object) -> tuple[str, ...]:
    """The choices that decide something beside this value of a field alone, such as the basis of frozen taps."""
    return tuple(name for name, beside in _ONLY_WITH.items() if beside == (field, value))


@dataclass(frozen=True, slots=True)
class Variant:
    """A side network that differs from the reference in one choice.

    Attributes:
        name: in tables.
        settings: all choices, in the one text that cells have for them.
        reductions: widths that it is run at, as reduction factors.
    """

    name: str
    settings: str
    reductions: tuple[int, ...]


def variant(name: str, reductions: Sequence[int], **changed: Choice) -> Variant:
    """The reference but for what is changed.

    Args:
        name: in tables.
        reductions: widths that it is run at.
        changed: fields of a side network's config.
    """
    chosen = {**REFERENCE_SETTINGS, **changed}
    said = {field: value for field, value in chosen.items() if _decides(field, chosen)}
    return Variant(name, canonical_settings(said), tuple(reductions))


def _decides(field: str, chosen: Mapping[str, Choice]) -> bool:
    other, value = _ONLY_WITH.get(field, (field, chosen[field]))
    return chosen[other] == value


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        variants: the reference first; the others are compared with it.
        seeds: each decides a start and an order of the data, the same for all variants.
        steps: of 512 tokens.
    """

    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    steps: int = 32

    @property
    def reference(self) -> Variant:
        """What the others are compared with."""
        return self.variants[0]

    @property
    def others(self) -> tuple[Variant, ...]:
        """All but the reference."""
        return self.variants[1:]

    def named(self, names: Iterable[str]) -> tuple[Variant, ...]:
        """The variants of these names, in that order."""
        known = {one.name: one for one in self.variants}
        return tuple(known[name] for name in names)

    def part(self, names: Iterable[str], *, reductions: tuple[int, ...], seeds: tuple[int, ...]) -> Plan:
        """Some variants at some widths and seeds, with the same cells."""
        variants = tuple(replace(one, reductions=reductions) for one in self.named(names))
        return replace(self, variants=variants, seeds=seeds)
