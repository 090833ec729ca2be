"""Every error that ladderscope raises on purpose, with the exit code it ends a command with.

* LadderscopeError             any error below; the command ends with 1
  * UsageError                 the user asked for something that cannot be; ends with 2
    * UnknownNameError         a model, method, key ... that does not exist, with the nearest that does
    * LedgerError              a ledger that cannot be read
    * DataError                training data that cannot be read or holds nothing to train on
    * BaselineError            a baseline that cannot be read
  * CannotMeasureError         there is nothing to compare, or with nothing; ends with 3

Only ``ladderscope.cli.main`` turns these into a message and an exit code.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

INTERRUPTED = 130
"""Exit code of a command that the user stopped."""


class LadderscopeError(Exception):
    """Base of all errors of this package. ``exit_code`` is the exit status of the command that meets it."""

    exit_code = 1


class UsageError(LadderscopeError, ValueError):
    """What the user asked for cannot be done as asked; the message says what to do instead."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not in a closed list; the message proposes the nearest that is."""

    def __init__(self, kind: str, name: object, known: Iterable[str]) -> None:
        names = sorted(known)
        nearest = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"choose from {', '.join(names)}."
        super().__init__(f"unknown {kind} {str(name)!r}: {hint}")


class LedgerError(UsageError):
    """A ledger that is not JSONL, was written by a newer ladderscope, or is in use by another sweep."""


class DataError(UsageError):
    """Training data that cannot be read, is empty, or leaves no token to train on."""


class BaselineError(UsageError):
    """A baseline that is not JSON, was written by a newer ladderscope, or is not complete."""


class CannotMeasureError(LadderscopeError):
    """A check that has no baseline, or could not measure a cell: neither fine nor a regression."""

    exit_code = 3
