"""Seconds of a step on a machine that does other things too."""

from __future__ import annotations

from collections.abc import Iterable

from ladderscope.records import Record


def quiet_seconds(records: Iterable[Record]) -> float | None:
    """Lower quartile of the seconds of all steps of runs alike, but for the first of each, which warms caches up.

    Runs of a study share the machine with each other and with what else it does; the quartile leaves out what was
    waited for. None without a step.
    """
    import numpy as np

    seconds = [one for record in records for one in record.step_seconds[1:] or record.step_seconds]
    return float(np.quantile(seconds, 0.25)) if seconds else None
