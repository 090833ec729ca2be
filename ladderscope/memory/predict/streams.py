"""CUDA streams of the simulated GPU: nothing runs on them, but each has its own blocks in the caching allocator."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import torch

_POOL = 32
"""Streams of a priority, of which PyTorch hands out one after the other and then begins anew (CUDAStream.cpp)."""


class Event:
    """Stands for ``torch.cuda.Event``: nothing runs, so no time passes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def record(self, stream: Any = None) -> None:
        """Do nothing: all work is done."""

    def wait(self, stream: Any = None) -> None:
        """Do nothing: all work is done."""

    def synchronize(self) -> None:
        """Do nothing: all work is done."""

    def query(self) -> bool:
        """True: all work is done."""
        return True

    def elapsed_time(self, end: Any) -> float:
        """Milliseconds to another event: zero."""
        return 0.0


class Stream:
    """Stands for ``torch.cuda.Stream``: memory that is allocated on it comes from blocks of its own."""

    device_index = 0
    device = torch.device("cuda", 0)

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        is_high = priority < 0
        self.priority = priority
        self.stream_id = 1 + next(_here.numbers[is_high]) % _POOL + _POOL * is_high
        self._before: list[Stream] = []

    @property
    def cuda_stream(self) -> int:
        """The stream's number, in place of its address."""
        return self.stream_id

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream) and other.stream_id == self.stream_id

    def __hash__(self) -> int:
        return self.stream_id

    def __enter__(self) -> Stream:
        self._before.append(current_stream())
        set_stream(self)
        return self

    def __exit__(self, *args: object) -> None:
        set_stream(self._before.pop())

    def synchronize(self) -> None:
        """Do nothing: all work is done."""

    def wait_stream(self, stream: Any) -> None:
        """Do nothing: all work is done."""

    def wait_event(self, event: Any) -> None:
        """Do nothing: all work is done."""

    def record_event(self, event: Any = None) -> Event:
        """An event that has happened."""
        return event or Event()

    def query(self) -> bool:
        """True: all work is done."""
        return True

    def is_capturing(self) -> bool:
        """False: no graph is recorded."""
        return False


class _Default(Stream):
    def __init__(self) -> None:
        self.priority, self.stream_id = 0, 0
        self._before = []


DEFAULT = _Default()
"""The stream on which all runs that asks for no other."""


class _Here(threading.local):
    """The current stream of a thread, and how many it was given; both begin anew with each prediction."""

    current: Stream = DEFAULT

    def __init__(self) -> None:
        self.numbers = itertools.count(), itertools.count()


_here = _Here()


def current_stream(device: Any = None) -> Stream:
    """The stream on which this thread allocates."""
    return _here.current


def set_stream(stream: Stream | None) -> None:
    """Make this thread allocate on ``stream``; None changes nothing."""
    if stream is not None:
        _here.current = stream


@contextlib.contextmanager
def on_stream(stream: Stream | None) -> Iterator[Stream | None]:
    """Inside, this thread allocates on ``stream``; None changes nothing."""
    before = current_stream()
    set_stream(stream)
    try:
        yield stream
    finally:
        set_stream(before)


@contextlib.contextmanager
def fresh_streams() -> Iterator[None]:
    """Inside, this thread begins on the default stream, and no other has been handed out yet."""
    _here.numbers = itertools.count(), itertools.count()
    _here.current = DEFAULT
    try:
        yield
    finally:
        _here.current = DEFAULT
