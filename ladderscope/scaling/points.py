"""From records to the points of a fit, kept together by training run, because the run is what varies at random."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ladderscope.errors import UnknownNameError
from ladderscope.records import Cell, Record
from ladderscope.scaling.axes import XAxis, YAxis, is_usable
from ladderscope.scaling.laws import FloatArray

CELL_FIELDS = tuple(field.name for field in dataclasses.fields(Cell))


@dataclass(frozen=True, slots=True)
class Run:
    """The points of one training run, in the units of the axes."""

    record: Record
    x: FloatArray
    y: FloatArray


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A record that gave no points, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Group:
    """The runs that share one curve. ``pooled`` holds the settings in which they differ nevertheless."""

    name: str
    key: str
    runs: list[Run]
    pooled: dict[str, list[str]]

    @property
    def x(self) -> FloatArray:
        """x of all points."""
        return np.concatenate([run.x for run in self.runs])

    @property
    def y(self) -> FloatArray:
        """y of all points."""
        return np.concatenate([run.y for run in self.runs])


@dataclass(frozen=True, slots=True)
class PointTable:
    """All points of a fit by group, and the records that gave none."""

    groups: list[Group]
    left_out: list[LeftOut]


def tabulate(records: Sequence[Record], x: XAxis, y: YAxis, by: str) -> PointTable:
    """The points of ``records``, grouped by the cell setting ``by``.

    Records of different meters, GPUs and (for a loss) weights never share a group: they are not comparable.

    Raises:
        UnknownNameError: ``by`` is not a setting of a cell.
    """
    if by not in CELL_FIELDS:
        raise UnknownNameError("setting to group by", by, CELL_FIELDS)
    runs: list[Run] = []
    left_out: list[LeftOut] = []
    for record in records:
        reason = _why_unusable(record, x, y)
        if reason:
            left_out.append(LeftOut(record.cell.label, reason))
        else:
            runs.append(_points_of(record, x, y))
    return PointTable(_grouped(runs, by, x, y), left_out)


def _why_unusable(record: Record, x: XAxis, y: YAxis) -> str | None:
    if record.status != "ok":
        return f"its status is {record.status}"
    if not is_usable(x.of(record)):
        return x.missing
    values = _y_values(record, x, y)
    if not values:
        return y.missing
    unusable = [value for value in values if not is_usable(value)]
    return f"its {y.label} is not a positive number ({unusable[0]})" if unusable else None


def _y_values(record: Record, x: XAxis, y: YAxis) -> list[float]:
    if x.accumulates and y.per_step:
        return y.per_step(record)
    value = y.of(record)
    return [] if value is None else [value]


def _points_of(record: Record, x: XAxis, y: YAxis) -> Run:
    y_values = np.array(_y_values(record, x, y), dtype=np.float64)
    step_numbers = np.arange(1, len(y_values) + 1, dtype=np.float64)
    return Run(record, step_numbers * float(x.of(record) or 0), y_values)


def _grouped(runs: Sequence[Run], by: str, x: XAxis, y: YAxis) -> list[Group]:
    traits = ("meter", "gpu", "weights") if y.name == "loss" else ("meter", "gpu")
    telling = [name for name in traits if len({getattr(run.record, name) for run in runs}) > 1]
    members: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        identity = (str(getattr(run.record.cell, by)), *(str(getattr(run.record, name)) for name in telling))
        members.setdefault(identity, []).append(run)
    same_by_design = {by, x.name.replace("-", "_")}
    return [
        Group(_group_name(identity), identity[0], group, _pooled_settings(group, same_by_design))
        for identity, group in members.items()
    ]


def _group_name(identity: tuple[str, ...]) -> str:
    key, *traits = identity
    known = [trait for trait in traits if trait != "None"]
    return f"{key} ({', '.join(known)})" if known else key


def _pooled_settings(runs: Sequence[Run], same_by_design: set[str]) -> dict[str, list[str]]:
    pooled = {}
    for name in CELL_FIELDS:
        values = list(dict.fromkeys(str(getattr(run.record.cell, name)) for run in runs))
        if name not in same_by_design and len(values) > 1:
            pooled[name] = values
    return pooled
