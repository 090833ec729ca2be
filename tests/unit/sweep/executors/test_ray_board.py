"""What a task tells of its cell, and when."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from ladderscope.sweep.executors import ray_board
from ladderscope.sweep.executors.ray_board import Teller

SECONDS = 0.2


@pytest.fixture(autouse=True)
def _seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_board, "_TELL_SECONDS", SECONDS)


def board(told: list[tuple[int, float]]) -> Any:
    return SimpleNamespace(tell=SimpleNamespace(remote=lambda *message: told.append(message)))


def test_the_latest_of_what_came_too_soon_is_told_later() -> None:
    told: list[tuple[int, float]] = []
    with Teller(board(told), 7) as tell:
        for fraction in (0.0, 0.1, 0.2, 0.3):
            tell(fraction)
        assert told == [(7, 0.0)]
        time.sleep(3 * SECONDS)
        assert told == [(7, 0.0), (7, 0.3)]
        tell(0.4)
        assert told[-1] == (7, 0.4)


def test_a_cell_of_many_steps_sends_few_messages() -> None:
    told: list[tuple[int, float]] = []
    start = time.monotonic()
    with Teller(board(told), 7) as tell:
        for step in range(200):
            tell(step / 200)
            time.sleep(0.005)
    assert 2 < len(told) <= 1 + (time.monotonic() - start) / SECONDS


def test_behind_its_end_nothing_is_told() -> None:
    told: list[tuple[int, float]] = []
    with Teller(board(told), 7) as tell:
        tell(0.0)
        tell(0.5)
    time.sleep(2 * SECONDS)
    assert told == [(7, 0.0)]


def test_a_cell_does_not_mind_a_board_that_has_gone() -> None:
    with Teller(SimpleNamespace(), 7) as tell:
        tell(0.5)
