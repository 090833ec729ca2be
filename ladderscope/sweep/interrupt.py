"""Ctrl-C during a sweep: once to finish what runs and stop, twice to stop at once, three times to leave."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ladderscope.interrupts import on_interrupt


class Stop(threading.Event):
    """What the user has asked for: set by the first Ctrl-C (or SIGTERM).

    Attributes:
        at_once: set by the second: what runs is to be ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.at_once = False


@contextmanager
def graceful_interrupt(say: Callable[[str], None], last: int = 3) -> Iterator[Stop]:
    """Gives what the user asks for with Ctrl-C; nothing is ended here.

    The handler runs between two steps of the main thread, which may hold any lock: it only notes what was asked for,
    and :func:`~ladderscope.sweep.run.run_jobs` acts on it. Only the main thread may use this.

    Args:
        say: prints a line.
        last: which Ctrl-C raises ``KeyboardInterrupt``, whatever goes on: 3, or 2 where nothing looks at ``at_once``.
    """
    stop = Stop()
    count = 0

    def handle() -> None:
        nonlocal count
        count += 1  # first, so that a signal that comes inside this function is the next one
        if count >= last:
            raise KeyboardInterrupt
        if count == 1:
            stop.set()
            say("Stopping when the running cells are done; Ctrl-C again stops at once.")
        else:
            stop.at_once = True
            say("Stopping at once; Ctrl-C again leaves without waiting for that.")

    with on_interrupt(handle):
        yield stop
