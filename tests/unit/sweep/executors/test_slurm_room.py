"""When the next array is submitted, and how many of it may run."""

from __future__ import annotations

import pytest

from ladderscope.sweep.executors.slurm_array import Array
from ladderscope.sweep.executors.slurm_room import most_running, parallel_of_next


def test_no_more_of_an_array_run_than_it_may_or_than_are_left() -> None:
    arrays = [Array("1-a", ("a", "b", "c"), 2, "7"), Array("2-b", ("d", None), 2, "8"), Array("3-c", ("e",), 1)]
    assert most_running(arrays, {"7_0", "7_1", "7_2", "8_0", "8_1", "9"}) == 2 + 1


@pytest.mark.parametrize(
    ("running", "waiting", "waited", "expected"),
    [
        (0, 1000, 0.0, 16),  # the first
        (0, 3, 0.0, 3),
        (16, 1000, 60.0, 0),  # all is taken
        (14, 1000, 0.0, 0),  # not worth an array yet
        (12, 1000, 0.0, 4),
        (12, 1, 0.0, 0),  # others may follow
        (12, 1, 60.0, 1),
        (20, 1000, 60.0, 0),  # an earlier driver was granted more
    ],
)
def test_the_next_array_takes_what_is_free_once_it_is_worth_it(
    running: int, waiting: int, waited: float, expected: int
) -> None:
    assert parallel_of_next(16, running, waiting, waited) == expected
