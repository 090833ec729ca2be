"""Thresholds of tests: only on metrics that a test has, since any other would never fail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladderscope.errors import UsageError
from ladderscope.records import BREAKDOWN_CATEGORIES
from ladderscope.regression.entry import Entry
from ladderscope.regression.limits import Limit, parse_fail_on
from ladderscope.regression.metrics import PEAK_ALLOCATED, PEAK_RESERVED, SAVED_FOR_BACKWARD
from ladderscope.regression.pytest_plugin.options import CUDA, PREDICT

METRICS_OF_TESTS = {
    PREDICT: (PEAK_ALLOCATED, PEAK_RESERVED, SAVED_FOR_BACKWARD, *BREAKDOWN_CATEGORIES),
    CUDA: (PEAK_ALLOCATED, PEAK_RESERVED),
}
"""By meter."""


def thresholds_of_tests(texts: Iterable[str], meter: str = PREDICT) -> dict[str, Limit]:
    """The limits of ``METRIC:LIMIT``.

    Args:
        texts: any number, or separated by commas.
        meter: that they must hold for. What stays while meters change, such as a marker, is for predictions.

    Raises:
        UsageError: a text that is no threshold, or one on a metric that no test has.
    """
    limits = parse_fail_on(texts)
    known = METRICS_OF_TESTS[meter]
    if wrong := [name for name in limits if name not in known]:
        tests = "tests" if meter == PREDICT else "measured tests"
        raise UsageError(
            f"{tests} have no {' and no '.join(wrong)}, so that threshold would never fail: choose from "
            f"{', '.join(known)}."
        )
    return limits


def without_backward(entry: Entry, limits: Mapping[str, Limit]) -> str:
    """The sentence for a limit on what forward keeps where nothing runs backward; empty where that is fine."""
    if entry.meter != PREDICT or SAVED_FOR_BACKWARD not in limits or SAVED_FOR_BACKWARD in entry.values:
        return ""
    return f"the test's body has no backward pass, so the marker's threshold on {SAVED_FOR_BACKWARD} would never fail"
