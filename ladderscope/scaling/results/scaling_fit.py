"""Everything that `ladderscope fit-scaling` found, and how: enough to draw and to judge it without the data."""

from __future__ import annotations

from dataclasses import dataclass, field

from ladderscope.scaling.results.allocation import Allocation
from ladderscope.scaling.results.choice import Extrapolation, LawChoice
from ladderscope.scaling.results.comparison import MethodComparison
from ladderscope.scaling.results.estimates import Estimate
from ladderscope.scaling.results.law_fit import LawFit

SCHEMA_VERSION = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisInfo:
    """A predictor or the response: its name in laws, its ``label`` and ``unit``, and what it ``counts``."""

    name: str
    label: str
    unit: str
    counts: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row or record that gave no point, and why."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFit:
    """The fit of one group of runs, such as those of a method.

    ``local_slope`` is d log y / d log x over the range of x that all groups share, without the law.
    """

    name: str
    fit: LawFit
    local_slope: Estimate = field(default_factory=Estimate)
    extrapolation: Extrapolation | None = None
    pooled: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """A question that a published scaling law must answer, and this fit's answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingFit:
    """The result of `ladderscope fit-scaling`."""

    y: AxisInfo
    x: list[AxisInfo]
    by: str
    law: str
    title: str
    formula: str
    source: str
    slope: str | None
    confidence: float
    seed: int
    groups: list[GroupFit]
    shared_range: tuple[float, float] | None = None
    choice: LawChoice | None = None
    comparisons: list[MethodComparison] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    checklist: list[ChecklistItem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    schema_version: int = SCHEMA_VERSION
