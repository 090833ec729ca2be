"""Changes a baseline that others may change too: people who edit it, checks and test sessions side by side."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ladderscope.errors import CannotMeasureError, UsageError
from ladderscope.regression.baseline import Baseline, read_baseline, write_baseline

LONGEST_WAIT = 30.0
"""Seconds: a change takes milliseconds, so that whoever takes longer hangs."""


def update_file(path: Path, change: Callable[[Baseline], Baseline]) -> tuple[Baseline, bool]:
    """Change the baseline in a file as it is now, however long ago it was read before; one at a time.

    Args:
        path: of the file.
        change: is given what is in the file, an empty baseline where there is none, and returns what is to be in it.

    Returns:
        What is in the file now, and whether that changed it.

    Raises:
        BaselineError: the file cannot be read, or was written by a newer ladderscope.
        UsageError: it cannot be written, or another process does not end writing.
    """
    with _locked(path):
        try:
            old = read_baseline(path)
        except CannotMeasureError:
            old = Baseline()
        new = change(old)
        return new, write_baseline(path, new)


def lock_of(path: Path) -> Path:
    """The file that is locked while a baseline is changed: one for a file and for links to it.

    It is not beside the baseline, where it would lie in the user's repository for good.
    """
    digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ladderscope-{digest}.lock"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = FileLock(lock_of(path), mode=0o666)
    try:
        lock.acquire(timeout=LONGEST_WAIT)
    except Timeout:
        raise UsageError(f"another run is writing to {path}: wait for it, or choose another --baseline.") from None
    except OSError as error:
        raise UsageError(f"cannot lock {path}: {error.strerror}. Give a TMPDIR that can be written.") from error
    try:
        yield
    finally:
        lock.release()
