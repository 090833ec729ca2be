"""The memory of one test: from before its body begins until its fixtures are torn down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ladderscope.errors import UsageError
from ladderscope.regression.pytest_plugin.marks import Asked

if TYPE_CHECKING:
    from ladderscope.memory.predict.allocations import Allocation
    from ladderscope.regression.entry import Entry


class Trace(Protocol):
    """What a prediction and a measurement both tell."""

    @property
    def peak_allocated_bytes(self) -> int:
        """Most bytes that were allocated at a time."""
        ...

    @property
    def peak_reserved_bytes(self) -> int:
        """Most bytes that the allocator held at a time."""
        ...

    def breakdown(self) -> dict[str, int]:
        """The allocated peak by category, in bytes; sums to it."""
        ...

    def top_allocations(self, n: int = 10) -> list[Allocation]:
        """The ``n`` largest blocks that are in use at the peak."""
        ...


class MemoryOfTest:
    """What the fixture ``memory_trace`` gives: the trace of a test, once its body has begun."""

    def __init__(self) -> None:
        self._trace: Trace | None = None

    @property
    def peak_allocated_bytes(self) -> int:
        """Most bytes that were allocated at a time, so far."""
        return self._begun().peak_allocated_bytes

    @property
    def peak_reserved_bytes(self) -> int:
        """Most bytes that the allocator held at a time, so far."""
        return self._begun().peak_reserved_bytes

    def breakdown(self) -> dict[str, int]:
        """The allocated peak by category, in bytes; sums to it."""
        return self._begun().breakdown()

    def top_allocations(self, n: int = 10) -> list[Allocation]:
        """The ``n`` largest blocks that are in use at the peak."""
        return self._begun().top_allocations(n)

    def __repr__(self) -> str:
        if self._trace is None:
            return "<memory of a test that has not begun>"
        return f"<peaks of {self.peak_allocated_bytes} B allocated, {self.peak_reserved_bytes} B reserved>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._begun(), name)

    def _begun(self) -> Trace:
        if self._trace is None:
            raise UsageError("memory_trace holds nothing yet: it follows the test's body, which has not begun.")
        return self._trace

    def begin(self, trace: Trace) -> None:
        """The body begins, and this is its trace."""
        self._trace = trace


@dataclass(frozen=True)
class Watched:
    """A trace, and where it comes from.

    Args:
        trace: of the test's body.
        meter: ``predict`` or ``cuda``.
        gpu: its name, as a baseline keeps it.
        how: for people: ``"predicted for NVIDIA GeForce RTX 3060"``.
        has_allocated: whether the body has allocated anything on a GPU, so far.
        known_doubts: rules behind every such prediction that no recorded run has confirmed.
    """

    trace: Trace
    meter: str
    gpu: str
    how: str
    has_allocated: Callable[[], bool]
    known_doubts: tuple[str, ...] = ()

    def settle(self) -> None:
        """Name what models and optimizers own by now, where the trace goes on behind the body."""
        finish = getattr(self.trace, "finish", None)
        if finish is not None:
            finish()

    @property
    def doubts(self) -> list[str]:
        """What the body did that makes its prediction uncertain, beyond what holds for all."""
        rules = getattr(self.trace, "rules", None)
        return [] if rules is None else [text for text in rules.unverified if text not in self.known_doubts]


@dataclass
class Watch:
    """What is known of the memory of one test.

    Args:
        asked: by its markers.
        memory: what the fixture gives.
        watched: the trace, from the beginning of the body.
        is_over: whether the body has ended, and its memory was judged.
        entry: for the baseline; None where the test has none.
        improvement: what fell below the baseline, in a sentence; empty where nothing did.
        problems: a sentence for each limit that was exceeded.
        refusal: why the test could not be compared; empty where it could.
        causes: why, for the report.
    """

    asked: Asked
    memory: MemoryOfTest = field(default_factory=MemoryOfTest)
    watched: Watched | None = None
    is_over: bool = False
    entry: Entry | None = None
    improvement: str = ""
    problems: list[str] = field(default_factory=list)
    refusal: str = ""
    causes: list[str] = field(default_factory=list)

    def begin(self, watched: Watched) -> None:
        """Code is followed from here on."""
        self.watched = watched
        self.memory.begin(watched.trace)


_WATCH = pytest.StashKey[Watch]()


def begin_watch(item: pytest.Item, asked: Asked) -> None:
    """Remember what a test asks for."""
    item.stash[_WATCH] = Watch(asked)


def watch_of(item: pytest.Item) -> Watch | None:
    """What is known of a test's memory; None where nothing asks for it."""
    return item.stash.get(_WATCH, None)


def end_watch(item: pytest.Item) -> None:
    """Forget it: tests live as long as the session, and a trace is large."""
    if _WATCH in item.stash:
        del item.stash[_WATCH]
