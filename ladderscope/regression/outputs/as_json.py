"""A check as JSON values, for programs: all of it, in bytes."""

from __future__ import annotations

from typing import Any

from ladderscope.memory.places import count
from ladderscope.regression.causes import cause_lines
from ladderscope.regression.outputs.wording import counts_of, how_of
from ladderscope.regression.verdict import CheckResult, EntryVerdict, Growth, MetricChange

SCHEMA_VERSION = 1


def check_json(result: CheckResult) -> dict[str, Any]:
    """The whole check as JSON values: memory in bytes, time in seconds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "baseline": str(result.baseline),
        "exit_code": result.exit_code,
        "seconds": result.seconds,
        "limits": dict(result.limits),
        "outcomes": dict(counts_of(result)),
        "unchecked": dict(result.unchecked),
        "interrupted": result.is_interrupted,
        "not_run": list(result.not_run),
        "entries": [_entry(verdict) for verdict in result.verdicts],
    }


def _entry(verdict: EntryVerdict) -> dict[str, Any]:
    shown = verdict.after or verdict.before
    return {
        "name": verdict.name,
        "outcome": verdict.outcome,
        "error": verdict.error or None,
        "kind": how_of(verdict) or None,
        "meter": None if shown is None else shown.meter,
        "gpu": None if shown is None else shown.gpu,
        "settings": {} if shown is None else shown.settings,
        "status": {
            "before": None if verdict.before is None else verdict.before.status,
            "after": None if verdict.after is None else verdict.after.status,
        },
        "metrics": {} if verdict.after is None else verdict.after.values,
        "changes": [_change(change) for change in verdict.changes],
        "growths": [_growth(growth) for growth in verdict.growths],
        "versions": {name: {"before": old, "after": new} for name, (old, new) in verdict.versions.items()},
        "causes": cause_lines(verdict),
    }


def _change(change: MetricChange) -> dict[str, Any]:
    return {
        "metric": change.name,
        "unit": change.metric.unit,
        "before": change.before,
        "after": change.after,
        "change": change.change,
        "percent": change.percent,
        "allowed": change.allowed,
        "limit": change.limit or None,
        "regression": change.is_regression,
        "improvement": change.is_improvement,
    }


def _growth(growth: Growth) -> dict[str, Any]:
    return {
        "moment": growth.moment,
        "category": growth.category,
        "place": growth.place,
        "places": count(growth.place),
        "before_bytes_each": growth.before,
        "after_bytes_each": growth.after,
        "change_bytes": growth.change,
    }
