"""What Linux ends when this machine's memory runs out: a kill by nobody's hand, told from others by its count."""

from __future__ import annotations

from pathlib import Path


def count_oom_kills() -> int:
    """Processes that Linux has ended for want of memory since the machine started; 0 where it does not tell."""
    try:
        fields = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    except OSError:
        return 0
    return int(fields.get("oom_kill", 0))
