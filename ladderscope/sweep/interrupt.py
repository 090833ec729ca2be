"""Ctrl-C during a sweep: once to finish what runs and stop, twice to stop at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ladderscope.interrupts import on_interrupt


@contextmanager
def graceful_interrupt(say: Callable[[str], None], cancel: Callable[[], None]) -> Iterator[threading.Event]:
    """Gives an event that is set by the first Ctrl-C (or SIGTERM); the second calls ``cancel``.

    Only the main thread may use this.
    """
    stop = threading.Event()

    def handle() -> None:
        if stop.is_set():
            say("Stopping at once.")
            cancel()
        else:
            stop.set()
            say("Stopping when the running cells are done; Ctrl-C again stops at once.")

    with on_interrupt(handle):
        yield stop
