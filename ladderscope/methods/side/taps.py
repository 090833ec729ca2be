"""Which backbone block feeds which side block."""

from __future__ import annotations

import re
from collections.abc import Sequence

Taps = str | list[int | None]
TapMap = list[int | None]
"""For every side block in order, the index of the backbone block that feeds it, or None for a free block."""

_PATTERN = re.compile(r"(every|top):([1-9]\d*)")


def check_taps(taps: Taps) -> None:
    """Refuse what no backbone could serve.

    Raises:
        ValueError: a name that is not known, or a list that is empty, falls, or starts with a free block.
    """
    if isinstance(taps, str):
        if taps != "all" and not _PATTERN.fullmatch(taps):
            raise ValueError(f"taps must be 'all', 'every:K', 'top:K' or a list of block indices, not {taps!r}")
        return
    tapped = [tap for tap in taps if tap is not None] if isinstance(taps, list | tuple) else []
    are_indices = all(isinstance(tap, int) and not isinstance(tap, bool) for tap in tapped)
    if not tapped or not are_indices or taps[0] is None or tapped != sorted(tapped) or tapped[0] < 0:
        raise ValueError(
            "taps must be block indices from 0 that never fall (side blocks run while the backbone does), with None "
            f"for a free block after the first, not {taps!r}"
        )


def resolve_taps(taps: Taps, num_layers: int) -> TapMap:
    """The tap map on a backbone of ``num_layers`` blocks.

    ``"all"`` is every block; ``"every:K"`` the last of every K, counted from the top; ``"top:K"`` the last K; a list
    is the map itself.

    Raises:
        ValueError: a tap beyond the last backbone block.
    """
    if taps == "all":
        return list(range(num_layers))
    if isinstance(taps, str):
        kind, number = _PATTERN.fullmatch(taps).groups()  # type: ignore[union-attr]
        k = int(number)
        if k > num_layers:
            raise ValueError(f"taps {taps!r} asks for more than the backbone's {num_layers} blocks")
        return list(range(num_layers - k, num_layers)) if kind == "top" else _every(k, num_layers)
    last = max(tap for tap in taps if tap is not None)
    if last >= num_layers:
        raise ValueError(f"tap {last} is beyond the last of {num_layers} backbone blocks")
    return list(taps)


def _every(k: int, num_layers: int) -> TapMap:
    return list(range((num_layers - 1) % k, num_layers, k))


def group_by_tap(tap_map: Sequence[int | None]) -> dict[int, list[int]]:
    """Backbone block -> the side blocks that run once it has: those it feeds, and the free ones behind them."""
    groups: dict[int, list[int]] = {}
    last = -1
    for index, tap in enumerate(tap_map):
        last = last if tap is None else tap
        groups.setdefault(last, []).append(index)
    return groups
