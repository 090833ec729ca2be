"""How far a cell on several GPUs is: rank 0 writes it into a file, and the worker that launched the ranks reads it.

The launcher has no way back from a rank but its result.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ladderscope.sweep.process import Tick

_READ_SECONDS = 0.5


class TickFile:
    """A tick that writes what it is told; of any rank but the first it does nothing.

    Args:
        path: of the file; None for nowhere.
    """

    def __init__(self, path: str | None, rank: int) -> None:
        self._path = Path(path) if path is not None and rank == 0 else None

    def __call__(self, fraction: float) -> None:
        """The cell is so far."""
        if self._path is not None:
            with suppress(OSError), self._path.open("a") as file:  # the measurement goes on without it
                file.write(f"{fraction!r}\n")


@contextmanager
def relayed(path: Path, tick: Tick) -> Iterator[None]:
    """Inside, ``tick`` is told, from a thread, the latest of what a :class:`TickFile` writes into ``path``."""
    path.touch()
    is_over = threading.Event()
    thread = threading.Thread(target=_relay, args=(path, tick, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()  # nothing is told once the record is on its way


def _relay(path: Path, tick: Tick, is_over: threading.Event) -> None:
    with path.open() as file:
        begun, is_last = "", False
        while not is_last:
            is_last = is_over.wait(_READ_SECONDS)
            *whole, begun = (begun + file.read()).split("\n")  # a last line without its end is still being written
            if whole:
                tick(float(whole[-1]))
