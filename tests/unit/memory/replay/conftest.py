from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.memory.allocator import AllocatorConfig, CachingAllocator
from ladderscope.memory.allocator.layout import describe
from ladderscope.memory.replay import HistoryRecorder, write_snapshot

Recorded = tuple[CachingAllocator, HistoryRecorder]


@pytest.fixture
def record() -> Callable[..., Recorded]:
    """Makes an allocator and the recorder that listens to it."""

    def make(settings: str = "") -> Recorded:
        recorder = HistoryRecorder()
        return CachingAllocator(AllocatorConfig.parse(settings), on_event=recorder), recorder

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Recorded], Path]:
    """Writes what was recorded as a snapshot and returns its path."""

    def write(recorded: Recorded) -> Path:
        allocator, recorder = recorded
        path = tmp_path / "snapshot.pickle"
        write_snapshot(path, describe(allocator), recorder.events, allocator.config)
        return path

    return write
