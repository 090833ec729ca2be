"""How much a metric may grow: ``peak_allocated:0``, ``peak_reserved:2%``, ``activations:16MiB``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.regression.metrics import PEAK_ALLOCATED, PEAK_RESERVED, Metric, find_metric
from ladderscope.units import parse_bytes

_PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,18})?)\s*%")
_WHOLE = re.compile(r"[0-9]{1,30}(?:e[0-9]{1,2})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limit:
    """How much more than the baseline is allowed.

    Args:
        text: as the user wrote it, and as files keep it: ``"2%"``, ``"16MiB"``, ``"0"``.
        percent: of the baseline's value; None where the limit is absolute.
        amount: in the metric's unit; 0 where the limit is relative.
    """

    text: str
    percent: Fraction | None
    amount: int

    def allowed(self, before: int) -> int:
        """The largest increase that is none, in the metric's unit; rounded down."""
        if self.percent is None:
            return self.amount
        return before * self.percent // 100


Limits = Mapping[str, Limit]
"""By metric; metrics without one are shown and never fail."""


def parse_limit(metric: Metric, text: str) -> Limit:
    """The limit that a text states for a metric.

    Raises:
        UsageError: it is neither a percentage nor an amount in the metric's unit.
    """
    text = text.strip()
    if found := _PERCENT.fullmatch(text):
        return Limit(text, Fraction(found[1]), 0)
    if metric.unit == "bytes":
        try:
            return Limit(text, None, parse_bytes(text))
        except UsageError:
            raise _no_limit(metric, text, "0, 2% or 16MiB") from None
    if _WHOLE.fullmatch(text):
        return Limit(text, None, int(Fraction(text)))
    raise _no_limit(metric, text, "0, 2% or 1000000")


def _no_limit(metric: Metric, text: str, examples: str) -> UsageError:
    return UsageError(f"{text!r} does not say how much {metric.name} may grow: write {examples}.")


def parse_fail_on(texts: Iterable[str]) -> dict[str, Limit]:
    """The limits of ``--fail-on METRIC:LIMIT``, given any number of times or separated by commas; the last one counts.

    Raises:
        UsageError: a text without a colon, an unknown metric, or a limit that cannot be read.
    """
    limits = {}
    for text in (part for given in texts for part in given.split(",") if part.strip()):
        name, colon, limit = text.partition(":")
        if not colon:
            raise UsageError(f"{text.strip()!r} is no threshold: write METRIC:LIMIT, as in peak_allocated:0.")
        metric = find_metric(name)
        limits[metric.name] = parse_limit(metric, limit)
    return limits


DEFAULT_FAIL_ON = {PEAK_ALLOCATED: "0", PEAK_RESERVED: "2%"}
"""For new baselines: allocated memory is the same for the same code; reserved memory depends on small things."""


def limits_of(fail_on: Mapping[str, Any]) -> dict[str, Limit]:
    """The limits that a file states: a text or a number for each metric.

    Raises:
        UsageError: as for :func:`parse_fail_on`, or a metric that is there twice, once with hyphens.
    """
    limits: dict[str, Limit] = {}
    for name, text in fail_on.items():
        metric = find_metric(name)
        if metric.name in limits:
            raise UsageError(f"{metric.name} is there twice.")
        limits[metric.name] = parse_limit(metric, str(text))
    return limits
