"""From records to entries: names, settings and versions that are the same on every machine."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from ladderscope import __version__
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.regression.entry import Entry
from ladderscope.regression.hardware import machine_versions
from ladderscope.regression.metrics import metrics_of
from ladderscope.training.examples import RANDOM, shape_of

_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")
"""Whose versions decide what a step allocates."""
_IN_LABEL = ("model", "method", "rank", "reduction_factor", "settings", "seq_len")
_PREDICTED_ALIKE: dict[str, Any] = {"lr": 1e-3, "steps": 16, "seed": 0, "data": RANDOM}
"""What no prediction depends on; of the data, nothing but whether rows are padded."""


def canonical(cell: Cell, meter: str) -> Cell:
    """The cell without what a prediction does not depend on, so that cells that must be alike are one."""
    if meter != PREDICT:
        return cell
    return dataclasses.replace(cell, **{**_PREDICTED_ALIKE, "data": shape_of(cell.data)})


def entry_name(cell: Cell, meter: str, gpu: str | None) -> str:
    """A name for people that no other cell has: ``"random:gpt2 lora r=8 512 tokens, predicted for t4-16gb"``."""
    defaults = {field.name: field.default for field in dataclasses.fields(Cell)}
    telling = [
        _setting(name, value)
        for name, value in dataclasses.asdict(canonical(cell, meter)).items()
        if name not in _IN_LABEL and value != (_PREDICTED_ALIKE if meter == PREDICT else {}).get(name, defaults[name])
    ]
    how = f"predicted for {gpu}" if meter == PREDICT else f"measured on {gpu or 'a CPU'}"
    return ", ".join([cell.label, *telling, how])


def _setting(name: str, value: Any) -> str:
    if value is True:
        return name.replace("_", " ")
    if isinstance(value, str) and name != "data":
        return value
    return f"{name.replace('_', ' ')} {value}"


def entry_of(records: Sequence[Record], name: str = "", asked: Mapping[str, str] | None = None) -> Entry:
    """The entry of a cell: of one record, or the median of several measurements of it.

    Args:
        records: of one cell and meter; each ok, or predicted.
        name: of the entry, by default that of :func:`entry_name`.
        asked: of the entry, where a file decides what its method is.
    """
    repeated = [{**metrics_of(record), **_breakdown(record)} for record in records]
    shared = [name for name in repeated[0] if all(name in single for single in repeated)]
    values = {name: sorted(single[name] for single in repeated) for name in shared}
    # Its breakdown sums to its peak, which medians by category would not.
    middle = sorted(records, key=_peak)[(len(records) - 1) // 2]
    details = middle.details
    return Entry(
        name=name or entry_name(middle.cell, middle.meter, middle.gpu),
        meter=middle.meter,
        gpu=middle.gpu,
        status=middle.status,
        settings=canonical(middle.cell, middle.meter).to_json(),
        asked=dict(asked or {}),
        metrics={name: statistics.median_low(values[name]) for name in metrics_of(middle) if name in values},
        breakdown=_breakdown(middle),
        flops={} if middle.flops is None else dict(middle.flops.by_component),
        peak_at="" if details is None else details.peak_at,
        at_peak={} if details is None else details.at_peak,
        saved_for_backward={} if details is None else details.saved_for_backward,
        versions=versions(middle.meter),
        repeats={} if len(records) == 1 else values,
    )


def _peak(record: Record) -> int:
    return 0 if record.memory is None else record.memory.peak_allocated_bytes


def _breakdown(record: Record) -> dict[str, int]:
    return {} if record.memory is None else dict(record.memory.breakdown_bytes)


def versions(meter: str = PREDICT) -> dict[str, str]:
    """Of what decides a step's memory: packages, builds of which (``+cpu``) are as one, and CUDA where measured."""
    found = {"ladderscope": __version__, **machine_versions(meter)}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            continue
    return found
