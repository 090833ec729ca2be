"""What a run that ran out of memory says about the memory that it needs."""

from __future__ import annotations

import re

from ladderscope.records import Record
from ladderscope.units import GIB, MIB

_BYTES = {"bytes": 1, "KiB": 2**10, "MiB": MIB, "GiB": GIB}
_SIZE = r"(\d+(?:\.\d+)?) (bytes|KiB|MiB|GiB)"
_REQUESTED = re.compile(rf"[Tt]ried to allocate {_SIZE}")
_IN_USE = re.compile(rf"Of the allocated memory {_SIZE} is allocated by PyTorch")


def needed_at_least(record: Record) -> float | None:
    """Bytes that a run needs at least, by PyTorch's message: what was in use and what it asked for on top.

    The GPU's capacity would be no such bound: a request can fail with memory free that is in pieces, or beside other
    processes. ``None`` where the message does not say, as after a kill by the operating system.
    """
    text = record.error or ""
    requested, in_use = _REQUESTED.search(text), _IN_USE.search(text)
    return _floor(requested) + _floor(in_use) if requested and in_use else None


def _floor(found: re.Match[str]) -> float:
    """The least that is printed so: sizes are rounded to the last digit."""
    digits = len(found[1].partition(".")[2])
    return (float(found[1]) - (0.5 * 10.0**-digits if digits else 0.0)) * _BYTES[found[2]]
