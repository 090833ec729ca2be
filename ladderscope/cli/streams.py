"""Standard output and error, also where nobody reads them any more (``ladderscope check | head -1``)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any

from ladderscope.errors import UsageError


@contextmanager
def standard_output() -> Iterator[None]:
    """Inside, what is written to standard output is dropped where nobody reads it.

    Raises:
        UsageError: it cannot be written for another reason, such as a full disk.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard(sys.stdout)
    except OSError as error:
        discard(sys.stdout)
        raise UsageError(f"cannot write to standard output: {error.strerror}.") from error


@contextmanager
def standard_error() -> Iterator[None]:
    """Inside, what is written to standard error is dropped where it cannot be: there is nobody left to tell."""
    try:
        yield
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def discard(stream: IO[Any]) -> None:
    """Let what is still to be written to the stream go nowhere: at its end Python would fail to write it again."""
    with suppress(OSError, ValueError):  # it has no descriptor, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
