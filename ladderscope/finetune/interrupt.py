"""Ctrl-C during training: once to stop behind the running step, twice to stop at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ladderscope.interrupts import on_interrupt


@contextmanager
def stop_between_steps(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Gives an event that is set by the first Ctrl-C (or SIGTERM); the second raises ``KeyboardInterrupt``.

    Only the main thread hears signals; in another one the event is never set.
    """
    stop = threading.Event()

    def handle() -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        say("Stopping behind the running step, with a checkpoint; Ctrl-C again stops at once.")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    with on_interrupt(handle):
        yield stop
