"""Records what an allocator does, entry by entry, with the category and the frames that go with each allocation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of code, as PyTorch's snapshots have it."""

    filename: str
    line: int
    name: str


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One entry of the history; ``user_metadata`` and ``frames`` belong to ``alloc`` entries.

    ``size`` is what was requested for blocks, and bytes held for segments; the ``address`` of an ``oom`` is the number
    of bytes free.
    """

    action: str
    address: int
    size: int
    stream: int
    user_metadata: str = ""
    frames: tuple[Frame, ...] = ()


class HistoryRecorder:
    """A listener for :class:`CachingAllocator`: ``CachingAllocator(on_event=recorder)``.

    Attributes:
        events: what has happened, in order.
        user_metadata: a category or a note, attached to every allocation from now on.
        frames: where in the code every allocation from now on comes from, innermost first.
    """

    def __init__(self) -> None:
        self.events: list[HistoryEvent] = []
        self.user_metadata = ""
        self.frames: Sequence[Frame] = ()

    def __call__(self, action: str, address: int, size: int, stream: int) -> None:
        """Note one event of the allocator."""
        if action == "alloc":
            event = HistoryEvent(action, address, size, stream, self.user_metadata, tuple(self.frames))
        else:
            event = HistoryEvent(action, address, size, stream)
        self.events.append(event)
