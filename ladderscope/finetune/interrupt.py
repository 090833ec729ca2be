"""Ctrl-C during training: once to stop behind the running step, twice to stop at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stop_between_steps(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """Gives an event that is set by the first Ctrl-C (or SIGTERM); the second raises ``KeyboardInterrupt``.

    Only the main thread hears signals; in another one the event is never set.
    """
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        say("Stopping behind the running step, with a checkpoint; Ctrl-C again stops at once.")

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
