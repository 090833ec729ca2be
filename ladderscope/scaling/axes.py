"""What can stand on the axes of a fit, and where a record holds it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ladderscope.errors import UnknownNameError
from ladderscope.records import Record

_Axis = TypeVar("_Axis")


@dataclass(frozen=True, slots=True, kw_only=True)
class XAxis:
    """A predictor. ``of`` gives its value for one step, or for the whole run where it does not ``accumulate``."""

    name: str
    label: str
    unit: str
    accumulates: bool
    missing: str
    of: Callable[[Record], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class YAxis:
    """A quantity to explain. ``per_step``, where set, has one value for each step of a run."""

    name: str
    label: str
    unit: str
    missing: str
    of: Callable[[Record], float | None]
    per_step: Callable[[Record], list[float]] | None = None


X_AXES = {
    axis.name: axis
    for axis in (
        XAxis(
            name="compute",
            label="training compute",
            unit="FLOP",
            accumulates=True,
            missing="it has no FLOPs",
            of=lambda record: record.flops.per_step if record.flops else None,
        ),
        XAxis(
            name="tokens",
            label="training tokens",
            unit="token",
            accumulates=True,
            missing="it has no tokens per step",
            of=lambda record: record.tokens_per_step,
        ),
        XAxis(
            name="params",
            label="parameters",
            unit="parameter",
            accumulates=False,
            missing="it has no parameter counts",
            of=lambda record: record.params.total if record.params else None,
        ),
        XAxis(
            name="trainable",
            label="trainable parameters",
            unit="parameter",
            accumulates=False,
            missing="it has no parameter counts",
            of=lambda record: record.params.trainable if record.params else None,
        ),
        XAxis(
            name="seq-len",
            label="sequence length",
            unit="token",
            accumulates=False,
            missing="it has no sequence length",
            of=lambda record: record.cell.seq_len,
        ),
    )
}
"""Name -> what can be on the x axis."""

Y_AXES = {
    axis.name: axis
    for axis in (
        YAxis(
            name="loss",
            label="loss",
            unit="nats per token",
            missing="it has no loss",
            of=lambda record: record.eval_loss.after if record.eval_loss else None,
            per_step=lambda record: record.loss,
        ),
        YAxis(
            name="peak-allocated",
            label="peak allocated memory",
            unit="bytes",
            missing="it has no memory",
            of=lambda record: record.memory.peak_allocated_bytes if record.memory else None,
        ),
    )
}
"""Name -> what can be on the y axis."""


def x_axis(name: str) -> XAxis:
    """The x axis called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    return _lookup("x axis", name, X_AXES)


def y_axis(name: str) -> YAxis:
    """The y axis called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    return _lookup("y axis", name, Y_AXES)


def is_usable(value: float | None) -> bool:
    """Whether a value can go on a log axis."""
    return value is not None and math.isfinite(value) and value > 0


def _lookup(kind: str, name: str, axes: Mapping[str, _Axis]) -> _Axis:
    if name not in axes:
        raise UnknownNameError(kind, name, axes)
    return axes[name]
