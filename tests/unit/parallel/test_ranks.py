from __future__ import annotations

import pytest
import torch

from ladderscope.parallel.ranks import first_alike, fullest
from ladderscope.records import RankMemory


def test_ranks_with_parts_of_the_same_shapes_are_alike() -> None:
    assert first_alike([64, 8], 4) == [0, 0, 0, 0]
    assert first_alike([], 3) == [0, 0, 0]


def test_the_last_parts_of_a_weight_may_be_smaller_or_empty() -> None:
    assert first_alike([10], 4) == [0, 0, 0, 3]  # 3, 3, 3 and 1 rows
    assert first_alike([5], 4) == [0, 0, 2, 3]  # 2, 2, 1 and 0
    assert first_alike([10, 5], 4) == [0, 0, 2, 3]


@pytest.mark.parametrize("rows", [1, 5, 7, 8, 9, 13])
@pytest.mark.parametrize("ranks", [2, 3, 4, 8])
def test_parts_are_those_of_torch(rows: int, ranks: int) -> None:
    sizes = [len(part) for part in torch.arange(rows).chunk(ranks)] + [0] * ranks
    alike = first_alike([rows], ranks)
    assert [sizes.index(sizes[rank]) for rank in range(ranks)] == alike


def test_the_first_of_the_fullest_ranks_is_told() -> None:
    peaks = [1, 3, 3, 2]
    ranks = [
        RankMemory(rank=rank, peak_allocated_bytes=peak, peak_reserved_bytes=None, states_bytes={})
        for rank, peak in enumerate(peaks)
    ]
    assert fullest(ranks) == 1
