"""Replays the allocations of one step: its peak by category, and what its forward pass leaves for backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ladderscope.records import BREAKDOWN_CATEGORIES, COLLECTIVES

KEPT_CATEGORIES = ("activations", "logits_and_loss")
"""Of what forward leaves in memory for backward; gradients that a loss computes in forward are not among them."""


@dataclass(frozen=True, slots=True)
class Event:
    """An allocation (``num_bytes`` above zero) or a free (below zero) at an address, in order of time."""

    address: int
    num_bytes: int
    category: str


@dataclass(frozen=True)
class Peak:
    """The highest sum of resident and allocated bytes, and what it was made of; the parts sum to it."""

    num_bytes: int
    breakdown_bytes: dict[str, int]


def find_peak(residents: Mapping[str, int], events: Iterable[Event]) -> Peak:
    """Replay ``events`` on top of ``residents`` (bytes by category that stay for the whole step)."""
    live: Counter[str] = Counter(residents)
    category_of: dict[int, str] = {}
    peak, at_peak = sum(live.values()), live.copy()
    for event in events:
        if event.num_bytes > 0:
            category_of[event.address] = event.category
        category = category_of.get(event.address, event.category)
        live[category] += event.num_bytes
        if (total := sum(live.values())) > peak:
            peak, at_peak = total, live.copy()
    told = (category for category in BREAKDOWN_CATEGORIES if category != COLLECTIVES or at_peak[category])
    return Peak(peak, {category: at_peak[category] for category in told})


def kept_for_backward(forward: Iterable[Event]) -> int:
    """Bytes of activations, logits and loss that a forward pass allocates and leaves in memory, whoever holds them.

    Args:
        forward: its events, up to the moment at which autograd runs the first operation of backward.
    """
    kept: dict[int, int] = {}
    for event in forward:
        kept.pop(event.address, None)
        if event.num_bytes > 0 and event.category in KEPT_CATEGORIES:
            kept[event.address] = event.num_bytes
    return sum(kept.values())
