"""Ranks of a training run: which of them are alike, and what a record says of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Memory, RankMemory


def first_alike(rows: Sequence[int], world_size: int) -> list[int]:
    """For each rank the first one whose parts of all weights have the same shapes.

    FSDP2 cuts a weight along its rows as ``torch.chunk`` does: the last parts may be smaller, or empty.

    Args:
        rows: of every sharded weight; empty where none is sharded.
        world_size: number of ranks.
    """
    found: dict[tuple[int, ...], int] = {}
    parts = [tuple(_rows_of(rank, count, world_size) for count in rows) for rank in range(world_size)]
    return [found.setdefault(part, rank) for rank, part in enumerate(parts)]


def _rows_of(rank: int, rows: int, world_size: int) -> int:
    chunk = -(-rows // world_size)
    return max(0, min(chunk, rows - rank * chunk))


def rank_memory(rank: int, memory: Memory, states_bytes: Mapping[str, int]) -> RankMemory:
    """What a record says of a rank."""
    return RankMemory(
        rank=rank,
        peak_allocated_bytes=memory.peak_allocated_bytes,
        peak_reserved_bytes=memory.peak_reserved_bytes,
        states_bytes={name: size for name, size in states_bytes.items() if size},
    )


def fullest(ranks: Sequence[RankMemory]) -> int:
    """The first rank with the highest peak."""
    return max(ranks, key=lambda one: (one.peak_allocated_bytes, -one.rank)).rank
