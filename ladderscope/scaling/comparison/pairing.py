"""Which runs of two methods belong together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.scaling.table import Group

RunKey = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """The runs that are compared.

    Attributes:
        pairs: indices of the runs of each pair, (first, second); empty where runs are compared as independent.
        keys: the settings that matched.
        notes: which runs have no partner, and what follows.
    """

    pairs: list[tuple[int, int]]
    keys: list[str]
    notes: list[str]

    @property
    def paired(self) -> bool:
        """Whether the comparison is made pair by pair."""
        return bool(self.pairs)


def pair_runs(first: Group, second: Group) -> Pairing:
    """Match runs whose ``run_keys`` are equal, where that combination occurs once in each group.

    Most runs of both groups need a partner (more than half). Then only pairs are compared, because what the two runs
    of a pair share cancels in their difference, and the runs without partner are left out with a note. Otherwise all
    runs are kept and taken as independent, which is valid but less sharp.
    """
    keys = sorted({name for keys in [*first.run_keys, *second.run_keys] for name in keys})
    if not keys:
        return Pairing(pairs=[], keys=[], notes=["runs have no settings to pair them by, so they are independent"])
    mine, theirs = _unique(first.run_keys), _unique(second.run_keys)
    pairs = [(run, theirs[key]) for key, run in mine.items() if key in theirs]
    notes = _duplicates(first) + _duplicates(second)
    n_first, n_second = len(first.run_names), len(second.run_names)
    if 2 * len(pairs) <= max(n_first, n_second):
        found = "no run has" if not pairs else f"only {len(pairs)} of {n_first} and {n_second} runs have"
        notes.append(f"{found} a partner of the same {', '.join(keys)}, so runs are compared as independent")
        return Pairing(pairs=[], keys=[], notes=notes)
    for group, at in ((first, 0), (second, 1)):
        matched = {pair[at] for pair in pairs}
        alone = [name for run, name in enumerate(group.run_names) if run not in matched]
        if alone:
            notes.append(f"left out for want of a partner: {_listed(alone)} of {group.name}")
    return Pairing(pairs=pairs, keys=keys, notes=notes)


def _unique(run_keys: Sequence[Mapping[str, str]]) -> dict[RunKey, int]:
    keys = [_key(settings) for settings in run_keys]
    counts = Counter(keys)
    return {key: run for run, key in enumerate(keys) if key and counts[key] == 1}


def _duplicates(group: Group) -> list[str]:
    counts = Counter(_key(settings) for settings in group.run_keys)
    several = [key for key, count in counts.items() if key and count > 1]
    if not several:
        return []
    example = ", ".join(f"{name} {value}" for name, value in several[0])
    n_runs = sum(counts[key] for key in several)
    return [f"{n_runs} runs of {group.name} share their settings with another ({example}), so they have no partner"]


def _key(settings: Mapping[str, str]) -> RunKey:
    return tuple(sorted(settings.items()))


def _listed(names: list[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
