"""The result of a fit: plain data, JSON in and out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from ladderscope.errors import UsageError
from ladderscope.scaling.files import write_atomically
from ladderscope.scaling.points import LeftOut

SCHEMA_VERSION = 1

FitStatus = Literal["fitted", "not falling", "cannot tell"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its bootstrap interval, or with the ``reason`` why it has none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCurve:
    """The law over the range of the points, for figures; ``low`` and ``high`` are empty without an interval."""

    x: list[float]
    y: list[float]
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFit:
    """The fit of one group. ``key`` is the value of the setting that groups, ``name`` tells groups apart.

    ``local_slope`` is d log y / d log x over the x range that all groups share, without the law.
    """

    name: str
    key: str
    status: FitStatus
    reason: str | None
    n_runs: int
    n_points: int
    x_range: list[float]
    pooled: dict[str, list[str]]
    parameters: dict[str, Estimate]
    local_slope: Estimate
    r2_log: float | None = None
    objective_value: float | None = None
    start_agreement: float | None = None
    failed_resamples: int = 0
    curve: FittedCurve | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDifference:
    """Slope of ``first`` minus slope of ``second``: the local slope, and the slope parameter of the law."""

    first: str
    second: str
    local_slope: Estimate
    law_slope: Estimate


@dataclass(frozen=True, slots=True)
class ParameterInfo:
    """A parameter of the fitted law: its unit and what it means."""

    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingFit:
    """Everything that a fit found and how: enough to draw it and to judge it without the ledger."""

    x: str
    y: str
    by: str
    x_label: str
    y_label: str
    x_unit: str
    y_unit: str
    law: str
    formula: str
    law_slope: str
    parameters: dict[str, ParameterInfo]
    objective: str
    interval_method: str
    seed: int
    n_records: int
    left_out: list[LeftOut]
    shared_x_range: list[float] | None
    groups: list[GroupFit]
    pairs: list[PairDifference]
    notes: list[str]
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The fit that :meth:`to_json` wrote.

        Raises:
            UsageError: the values are not a fit, or one of a newer ladderscope.
        """
        if values.get("schema_version") != SCHEMA_VERSION:
            raise UsageError(f"it is not a fit of schema version {SCHEMA_VERSION}.")
        try:
            return cls(**{**values, **_parsed_parts(values)})
        except (TypeError, KeyError, AttributeError) as error:
            raise UsageError(f"it is not a complete fit ({error}).") from error


def _parsed_parts(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "parameters": {name: ParameterInfo(**info) for name, info in values["parameters"].items()},
        "left_out": [LeftOut(**item) for item in values["left_out"]],
        "groups": [_parsed_group(group) for group in values["groups"]],
        "pairs": [_parsed_pair(pair) for pair in values["pairs"]],
    }


def _parsed_group(values: Mapping[str, Any]) -> GroupFit:
    parts = {
        "parameters": {name: Estimate(**estimate) for name, estimate in values["parameters"].items()},
        "local_slope": Estimate(**values["local_slope"]),
        "curve": values["curve"] and FittedCurve(**values["curve"]),
    }
    return GroupFit(**{**values, **parts})


def _parsed_pair(values: Mapping[str, Any]) -> PairDifference:
    slopes = {name: Estimate(**values[name]) for name in ("local_slope", "law_slope")}
    return PairDifference(**{**values, **slopes})


def write_fit(fit: ScalingFit, path: Path) -> None:
    """Write ``fit`` as JSON, replacing what was there in one step.

    Raises:
        UsageError: ``path`` cannot be written.
    """
    write_atomically(path, json.dumps(fit.to_json(), indent=1, allow_nan=False) + "\n")


def read_fit(path: Path) -> ScalingFit:
    """The fit that :func:`write_fit` wrote.

    Raises:
        UsageError: the file cannot be read, or is not a fit.
    """
    try:
        return ScalingFit.from_json(json.loads(path.read_text()))
    except OSError as error:
        raise UsageError(f"cannot read the fit {path}: {error.strerror}.") from error
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{path} is not a fit that `ladderscope fit-scaling` wrote: {error}") from error
