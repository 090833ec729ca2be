from __future__ import annotations

import pytest

from ladderscope.memory.allocator.sizes import round_size, segment_size
from ladderscope.units import MIB

NO_DIVISIONS = (0,) * 16


@pytest.mark.parametrize(
    ("requested", "taken"),
    [(1, 512), (511, 512), (512, 512), (513, 1024), (MIB, MIB), (MIB + 1, MIB + 512), (20_480_000, 20_480_000)],
)
def test_a_request_takes_the_next_multiple_of_512_bytes(requested: int, taken: int) -> None:
    assert round_size(requested, NO_DIVISIONS) == taken


@pytest.mark.parametrize(
    ("requested", "taken"),
    [
        (2048, 2048),  # 512 bytes times 4 divisions: still multiples of 512
        (2049, 2560),  # a quarter of 2048 is 512
        (5000, 5120),  # a quarter of 4096 is 1024
        (5 * MIB, 5 * MIB),
        (5 * MIB + 1, 6 * MIB),
        (7 * MIB + 1, 8 * MIB),
        (8 * MIB, 8 * MIB),
    ],
)
def test_four_divisions_round_up_to_quarters_of_a_power_of_two(requested: int, taken: int) -> None:
    assert round_size(requested, (4,) * 16) == taken


def test_each_power_of_two_has_its_own_divisions() -> None:
    table = (0, 2) + (1,) * 13 + (8,)
    assert round_size(2 * MIB - 100, table) == 2 * MIB  # below 2 MiB: the first entry, none
    assert round_size(2 * MIB + 1, table) == 3 * MIB  # 2 to 4 MiB: halves
    assert round_size(4 * MIB + 1, table) == 4 * MIB + 512  # one division is none
    assert round_size(64 * 1024 * MIB + 1, table) == 72 * 1024 * MIB  # the last entry holds for all above


@pytest.mark.parametrize(
    ("block", "segment"),
    [
        (512, 2 * MIB),
        (MIB, 2 * MIB),
        (MIB + 512, 20 * MIB),
        (10 * MIB - 512, 20 * MIB),
        (10 * MIB, 10 * MIB),
        (10 * MIB + 512, 12 * MIB),
    ],
)
def test_a_segment_is_2_mib_or_20_mib_or_the_next_2_mib(block: int, segment: int) -> None:
    assert segment_size(block, 20 * MIB) == segment


def test_the_segment_for_middle_sizes_can_be_set() -> None:
    assert segment_size(3 * MIB, 64 * MIB) == 64 * MIB
    assert segment_size(11 * MIB, 64 * MIB) == 12 * MIB
