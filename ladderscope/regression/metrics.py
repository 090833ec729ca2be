"""What can be checked: the metrics of an entry, by the names that thresholds and files use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ladderscope.errors import UnknownNameError
from ladderscope.records import BREAKDOWN_CATEGORIES, Record
from ladderscope.units import format_bytes, format_count, format_flops

Unit = Literal["bytes", "FLOP", "parameters"]
PEAK_ALLOCATED, PEAK_RESERVED = "peak_allocated", "peak_reserved"
SAVED_FOR_BACKWARD, FLOPS, TRAINABLE_PARAMS = "saved_for_backward", "flops", "trainable_params"
PHASES = ("load", "evaluation", "first_step", "generation")
"""Phases whose peaks are metrics beside those of a steady step, ``load_peak_allocated`` and so on."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of an entry that more of is worse.

    Args:
        name: as in ``--fail-on`` and in files.
        unit: of its values.
    """

    name: str
    unit: Unit

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ")

    def format(self, value: float) -> str:
        """A value, or the absolute of a change, for people."""
        if self.unit == "bytes":
            return format_bytes(value)
        return format_flops(value) if self.unit == "FLOP" else format_count(int(value))

    def format_change(self, change: int) -> str:
        """A change with its sign; to the byte where it would read as nothing."""
        return f"{'+' if change > 0 else '-' if change < 0 else ''}{self.format(abs(change))}"


METRICS = {
    metric.name: metric
    for metric in (
        Metric(PEAK_ALLOCATED, "bytes"),
        Metric(PEAK_RESERVED, "bytes"),
        Metric(SAVED_FOR_BACKWARD, "bytes"),
        Metric(FLOPS, "FLOP"),
        Metric(TRAINABLE_PARAMS, "parameters"),
        *(Metric(category, "bytes") for category in BREAKDOWN_CATEGORIES),
        *(Metric(f"{phase}_{peak}", "bytes") for phase in PHASES for peak in (PEAK_ALLOCATED, PEAK_RESERVED)),
    )
}
"""All of them, in the order in which tables show them; categories of the breakdown are those at the peak."""


def find_metric(name: str) -> Metric:
    """The metric of that name; hyphens and underscores are alike.

    Raises:
        UnknownNameError: there is no such metric.
    """
    metric = METRICS.get(name.strip().replace("-", "_"))
    if metric is None:
        raise UnknownNameError("metric", name, METRICS)
    return metric


def metrics_of(record: Record) -> dict[str, int]:
    """The metrics that a record holds, without the categories of its breakdown."""
    values: dict[str, int | None] = {}
    if record.memory is not None:
        values[PEAK_ALLOCATED] = record.memory.peak_allocated_bytes
        values[PEAK_RESERVED] = record.memory.peak_reserved_bytes
        values[SAVED_FOR_BACKWARD] = record.memory.saved_for_backward_bytes
    if record.flops is not None:
        values[FLOPS] = record.flops.per_step
    if record.params is not None:
        values[TRAINABLE_PARAMS] = record.params.trainable
    if record.forecast is not None:
        for name, phase in record.forecast.phases.items():
            if (prefix := name.replace(" ", "_")) in PHASES:
                values[f"{prefix}_{PEAK_ALLOCATED}"] = phase.peak_allocated_bytes
                values[f"{prefix}_{PEAK_RESERVED}"] = phase.peak_reserved_bytes
    return {name: value for name, value in values.items() if value is not None}
