"""Bytes, FLOPs and seconds for people. Data always holds bytes, FLOPs and seconds; only text is scaled."""

from __future__ import annotations

import re
from fractions import Fraction

from ladderscope.errors import UsageError

KIB = 2**10
MIB = 2**20
GIB = 2**30


def format_bytes(num_bytes: float) -> str:
    """``num_bytes`` in the binary unit that keeps it readable: ``'1.50 GiB'``, ``'212 MiB'``, ``'512 B'``."""
    if abs(num_bytes) >= GIB:
        return f"{num_bytes / GIB:.2f} GiB"
    if abs(num_bytes) >= MIB:
        digits = 0 if abs(num_bytes) >= 10 * MIB else 2
        return f"{num_bytes / MIB:.{digits}f} MiB"
    if abs(num_bytes) >= 2**10:
        return f"{num_bytes / 2**10:.0f} KiB"
    return f"{num_bytes:.0f} B"


def format_flops(flops: float) -> str:
    """``flops`` with a decimal prefix: ``'1.2 TFLOP'``."""
    for exponent, prefix in ((24, "Y"), (21, "Z"), (18, "E"), (15, "P"), (12, "T"), (9, "G"), (6, "M")):
        size, unit = 10.0**exponent, f"{prefix}FLOP"
        if abs(flops) >= size:
            return f"{flops / size:.3g} {unit}"
    return f"{flops:.0f} FLOP"


def format_count(count: int) -> str:
    """A parameter count for people: ``'2.44 M'``, ``'134.5 M'``, ``'6.74 B'``."""
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return str(count)


def counted(n: int, thing: str) -> str:
    """``'1 point'``, ``'2 points'``."""
    return f"{n} {thing}" if n == 1 else f"{n} {thing}s"


_BYTES = re.compile(r"(?P<number>[0-9]{1,18}(\.[0-9]{1,18})?)\s*(?P<unit>[kmgt]?i?b)?", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_UNITS |= {"kib": KIB, "mib": MIB, "gib": GIB, "tib": 2**40}


def parse_bytes(text: str) -> int:
    """Bytes from a text such as ``"1.5 GiB"``, ``"24 MB"`` (10^6) or ``"4096"``, rounded down.

    Raises:
        UsageError: it is no such text.
    """
    found = _BYTES.fullmatch(text.strip())
    if found is None or (found["unit"] or "b").lower() not in _UNITS:
        raise UsageError(f"{text!r} is no amount of memory: write one such as 1.5 GiB, 24 MB or 4096.")
    return int(Fraction(found["number"]) * _UNITS[(found["unit"] or "b").lower()])
