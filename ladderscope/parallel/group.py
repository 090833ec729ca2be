"""What a rank knows of the others; a process alone is rank 0 of 1."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


def rank() -> int:
    """Of this process, from 0 on."""
    return dist.get_rank() if _has_others() else 0


def world_size() -> int:
    """Number of ranks."""
    return dist.get_world_size() if _has_others() else 1


def of_this_rank(batches: Iterator[T]) -> Iterator[T]:
    """Of batches that all ranks make alike, those of this one: dealt out in turn, so that no two train on the same."""
    return itertools.islice(batches, rank(), None, world_size())


def sum_over_ranks(value: float, device: torch.device) -> float:
    """The sum of a number over all ranks, which all have to call this.

    Args:
        value: of this rank.
        device: on which the ranks communicate.
    """
    if world_size() == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return float(total.item())


def _has_others() -> bool:
    return dist.is_available() and dist.is_initialized()
