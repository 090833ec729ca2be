"""Lengths of rows, and how long batches get that are padded to their longest row: order statistics, exact."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Lengths:
    """How many rows have which length, in tokens. Rows are drawn at random and with replacement.

    So ``n`` rows are all at most ``L`` tokens long with the chance ``F(L)**n``, ``F(L)`` being the share of such rows
    (the distribution of a maximum; H. A. David and H. N. Nagaraja, Order Statistics, section 2.1).

    Args:
        counts: pairs of a length and a number of rows above 0, in ascending order of the lengths; at least one.
        num_cut: how many rows were longer before they were cut.
    """

    counts: tuple[tuple[int, int], ...]
    num_cut: int = 0

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Lengths:
        """Lengths with their numbers of rows."""
        return cls(tuple(sorted((length, count) for length, count in counts.items() if count)))

    @classmethod
    def between(cls, shortest: int, longest: int) -> Lengths:
        """Every length from ``shortest`` to ``longest`` equally likely."""
        return cls(tuple((length, 1) for length in range(shortest, longest + 1)))

    @property
    def num_rows(self) -> int:
        """All rows."""
        return self._up_to[-1]

    @property
    def shortest(self) -> int:
        """Tokens of the shortest row."""
        return self.counts[0][0]

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        return self.counts[-1][0]

    def num_longer(self, length: int) -> int:
        """Rows of more than ``length`` tokens."""
        index = bisect.bisect_right(self._values, length)
        return self.num_rows - (self._up_to[index - 1] if index else 0)

    def cut_at(self, length: int) -> Lengths:
        """Longer rows cut to ``length`` tokens."""
        num_cut = self.num_longer(length)
        kept = {value: count for value, count in self.counts if value <= length}
        kept[length] = kept.get(length, 0) + num_cut
        return Lengths(Lengths.of(kept).counts, self.num_cut + num_cut)

    def chance_of_longer(self, length: int, draws: int) -> float:
        """The chance that one row or more of ``draws`` has more than ``length`` tokens: ``1 - F(length)**draws``."""
        share = self.num_longer(length) / self.num_rows
        # Not as a difference to one, in which a small chance would be lost.
        return 1.0 if share == 1 else -math.expm1(draws * math.log1p(-share))

    def quantile(self, chance: float, draws: int) -> int:
        """The least length that the longest of ``draws`` rows does not exceed with a chance of at least ``chance``."""
        for length, up_to in zip(self._values, self._up_to, strict=True):
            if (up_to / self.num_rows) ** draws >= chance:
                return length
        return self.longest

    def expected_longest(self, draws: int) -> float:
        """The mean length of the longest of ``draws`` rows, in tokens."""
        shares = (up_to / self.num_rows for up_to in self._up_to)
        gaps = (after - before for before, after in itertools.pairwise(self._values))
        return self.longest - sum(gap * share**draws for gap, share in zip(gaps, shares, strict=False))

    @cached_property
    def _values(self) -> list[int]:
        return [length for length, _ in self.counts]

    @cached_property
    def _up_to(self) -> list[int]:
        return list(itertools.accumulate(count for _, count in self.counts))
