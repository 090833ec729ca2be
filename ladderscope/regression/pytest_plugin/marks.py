"""The markers of a test: what they ask for, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from ladderscope.errors import LadderscopeError, UsageError

if TYPE_CHECKING:
    from ladderscope.regression.limits import Limit

PEAK_MEMORY, MEMORY_BASELINE, FIXTURE = "peak_memory", "memory_baseline", "memory_trace"
MARKERS = (
    "peak_memory(limit, *, gpu=None, reserved=False): fail where the test's body needs more GPU memory than "
    '"1.5 GiB" (or a number of bytes), allocated by tensors or, with reserved=True, held by the allocator; predicted '
    "for gpu, by default that of --ladderscope-gpu.",
    'memory_baseline(*, fail_on="", gpu=None): fail where the test\'s body needs more GPU memory than its entry in '
    'the baseline allows; fail_on="peak_allocated:0,activations:16MiB" says how much metrics may grow.',
)


@dataclass(frozen=True)
class PeakLimit:
    """A limit of ``peak_memory``, in bytes: on what is allocated, or on what the allocator holds."""

    num_bytes: int
    reserved: bool = False


@dataclass(frozen=True)
class Asked:
    """What the markers of a test ask for.

    Args:
        limits: at most one on allocated and one on reserved memory, those of the nearest markers.
        gpu: that the nearest marker names; None where none does.
        compares: whether the test has an entry in the baseline.
        fail_on: how much metrics may grow, by the nearest marker.
    """

    limits: tuple[PeakLimit, ...] = ()
    gpu: str | None = None
    compares: bool = False
    fail_on: Mapping[str, Limit] = field(default_factory=dict)

    @property
    def judges(self) -> bool:
        """Whether there is a marker: the fixture alone asks for nothing."""
        return self.compares or bool(self.limits)

    @property
    def allows_nothing(self) -> bool:
        """Whether a limit of zero says that the body is to allocate nothing."""
        return any(limit.num_bytes == 0 for limit in self.limits)


def is_watched(item: pytest.Item) -> bool:
    """Whether a test has one of the markers or uses the fixture."""
    return FIXTURE in getattr(item, "fixturenames", ()) or any(
        item.get_closest_marker(name) is not None for name in (PEAK_MEMORY, MEMORY_BASELINE)
    )


def is_compared(item: pytest.Item) -> bool:
    """Whether a test has an entry in the baseline, or should."""
    return item.get_closest_marker(MEMORY_BASELINE) is not None


def asked_of(item: pytest.Item) -> Asked:
    """What the markers of a test, its class and its module ask for; the nearer one counts.

    Raises:
        LadderscopeError: a marker that makes no sense, in a sentence.
    """
    limits: dict[bool, PeakLimit] = {}
    for mark in item.iter_markers(PEAK_MEMORY):
        limit = _peak_limit(mark)
        limits.setdefault(limit.reserved, limit)
    baseline = item.get_closest_marker(MEMORY_BASELINE)
    return Asked(
        limits=tuple(limits.values()),
        gpu=_gpu_of(item),
        compares=baseline is not None,
        fail_on={} if baseline is None else _fail_on(baseline),
    )


def _peak_limit(mark: pytest.Mark) -> PeakLimit:
    def read(limit: str | int, *, gpu: str | None = None, reserved: bool = False) -> PeakLimit:
        return PeakLimit(_num_bytes(limit), bool(reserved))

    try:
        return read(*mark.args, **mark.kwargs)
    except TypeError:
        raise UsageError(
            "peak_memory takes a limit, and gpu and reserved by name: "
            'write @pytest.mark.peak_memory("1.5 GiB", gpu="rtx-4090-24gb", reserved=True).'
        ) from None


def _num_bytes(limit: object) -> int:
    from ladderscope.units import parse_bytes

    if isinstance(limit, str):
        return parse_bytes(limit)
    if isinstance(limit, int) and not isinstance(limit, bool) and limit >= 0:
        return limit
    raise UsageError(f"the limit of peak_memory is {limit!r}: write one such as '1.5 GiB', or a number of bytes.")


def _fail_on(mark: pytest.Mark) -> dict[str, Limit]:
    from ladderscope.regression.pytest_plugin.thresholds import thresholds_of_tests

    def read(*, fail_on: str | Sequence[str] = "", gpu: str | None = None) -> dict[str, Limit]:
        return thresholds_of_tests([fail_on] if isinstance(fail_on, str) else fail_on)

    try:
        return read(*mark.args, **mark.kwargs)
    except (TypeError, AttributeError):
        raise UsageError(
            "memory_baseline takes fail_on and gpu by name: "
            'write @pytest.mark.memory_baseline(fail_on="peak_allocated:0,activations:16MiB").'
        ) from None


def _gpu_of(item: pytest.Item) -> str | None:
    """The GPU that the nearest of the two markers names; one test runs for one GPU."""
    named = [
        (node, mark.kwargs["gpu"])
        for node, mark in item.iter_markers_with_node()
        if mark.name in (PEAK_MEMORY, MEMORY_BASELINE) and mark.kwargs.get("gpu") is not None
    ]
    if not named:
        return None
    nearest = sorted({str(gpu) for node, gpu in named if node is named[0][0]})
    if len(nearest) > 1:
        raise UsageError(f"the markers name {' and '.join(nearest)}: a test runs for one GPU, so name one.")
    from ladderscope.memory.predict.gpus import find_gpu

    return find_gpu(nearest[0]).name


def fail_where_wrong(item: pytest.Item) -> Asked:
    """What the markers ask for; where that makes no sense the test ends with the sentence that says so."""
    try:
        return asked_of(item)
    except LadderscopeError as error:
        pytest.fail(str(error), pytrace=False)
