"""The way of what rank 0 tells to whoever waits for the cell."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ladderscope.sweep import rank_ticks
from ladderscope.sweep.rank_ticks import TickFile, relayed


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_ticks, "_READ_SECONDS", 0.01)


def wait_for(told: list[float], fraction: float) -> None:
    until = time.monotonic() + 10
    while fraction not in told:
        assert time.monotonic() < until, told
        time.sleep(0.005)


def test_what_rank_0_writes_is_told_and_what_others_write_is_not(tmp_path: Path) -> None:
    told: list[float] = []
    first, second = (TickFile(str(tmp_path / "told"), rank) for rank in (0, 1))
    with relayed(tmp_path / "told", told.append):
        for fraction in (0.25, 1 / 3, 0.5):
            second(fraction + 0.1)
            first(fraction)
            wait_for(told, fraction)
    assert told == [0.25, 1 / 3, 0.5]


def test_a_line_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    told: list[float] = []
    with relayed(tmp_path / "told", told.append), (tmp_path / "told").open("a", buffering=1) as file:
        file.write("0.5\n0.7")
        file.flush()
        wait_for(told, 0.5)
        time.sleep(0.05)
        file.write("5\n")
        wait_for(told, 0.75)
    assert told == [0.5, 0.75]


def test_behind_its_end_nothing_is_told(tmp_path: Path) -> None:
    told: list[float] = []
    with relayed(tmp_path / "told", told.append):
        pass
    TickFile(str(tmp_path / "told"), rank=0)(0.5)
    time.sleep(0.05)
    assert told == []


def test_without_a_file_a_measurement_goes_on(tmp_path: Path) -> None:
    TickFile(None, rank=0)(0.5)
    TickFile(str(tmp_path / "gone" / "told"), rank=0)(0.5)
