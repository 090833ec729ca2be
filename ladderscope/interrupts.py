"""Whose handler hears Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_interrupt(handle: Callable[[], None]) -> Iterator[None]:
    """Inside, Ctrl-C (or SIGTERM) calls ``handle`` and nothing else; afterwards it does what it did before.

    Raises:
        ValueError: this is not the main thread, which alone hears signals.
    """
    previous = {number: signal.signal(number, lambda *_: handle()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set by other than Python
