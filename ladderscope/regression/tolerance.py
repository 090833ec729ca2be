"""How much a measured metric may differ by noise alone, learned from repeated measurements."""

from __future__ import annotations

from collections.abc import Sequence


def learned_tolerance(before: Sequence[int], after: Sequence[int]) -> int:
    """The difference of two medians that noise alone would hardly exceed; 0 without repeats."""
    return 0
