"""Plans as JSON values; all sizes are bytes."""

from __future__ import annotations

import dataclasses
from typing import Any

from ladderscope.memory.predict.gpus import CONTEXT_BYTES, Gpu
from ladderscope.planning.forecasts import Fit
from ladderscope.planning.padded import PaddedPlan, Run
from ladderscope.planning.plan import Change, Largest, Plan


def gpu_values(gpu: Gpu) -> dict[str, Any]:
    """A GPU."""
    return {
        "name": gpu.name,
        "title": gpu.title,
        "memory_bytes": gpu.memory_bytes,
        "usable_bytes": gpu.usable_bytes,
        "outside_bytes": CONTEXT_BYTES,
        "is_nominal": gpu.is_nominal,
        "capability": ".".join(map(str, gpu.capability)),
        "multiprocessors": gpu.multiprocessors,
    }


def plan_values(plan: Plan) -> dict[str, Any]:
    """A plan; what is null was not reached, or for ``together``, not needed or not found."""
    return {
        "cell": plan.cell.to_json(),
        "gpu": gpu_values(plan.gpu),
        "asked": plan.asked and _fit(plan.asked),
        "largest_batch": plan.batch and _largest(plan.batch),
        "longest_row": plan.length and _largest(plan.length),
        "changes": plan.changes and [_change(change) for change in plan.changes],
        "together": plan.together and _change(plan.together),
    }


def run_values(run: Run) -> dict[str, Any]:
    """How long the batches of a run get, in tokens."""
    return {
        "rows": run.lengths.num_rows,
        "rows_cut": run.lengths.num_cut,
        "shortest": run.lengths.shortest,
        "longest": run.lengths.longest,
        "rows_per_batch": run.rows,
        "batches_per_step": run.micro_batches,
        "steps": run.steps,
        "padded_median": run.median,
        "padded_99th_percentile": run.padded(0.99),
        "expected_longest": run.expected_longest,
    }


def padded_values(plan: PaddedPlan) -> dict[str, Any]:
    """A plan of padded batches; what is null was not reached, or for ``varied_order``, nothing fits."""
    limit, safe = plan.limit, plan.safe
    return {
        "cell": plan.cell.to_json(),
        "gpu": gpu_values(plan.gpu),
        "at_longest": plan.longest and _fit(plan.longest),
        "at_median": plan.median and _fit(plan.median),
        "longest_that_fits": limit and _largest(limit),
        "chance_step_runs_out": None if limit is None else plan.run.chance_in_step(limit.value),
        "chance_run_runs_out": None if limit is None else plan.run.chance_in_run(limit.value),
        "varied_order": plan.varied and {"lengths": list(plan.varied.lengths), **_fit(plan.varied.fit)},
        "cut_at": safe,
        "chance_step_exceeds_cut": None if safe is None else plan.run.chance_in_step(safe),
        "chance_run_exceeds_cut": None if safe is None else plan.run.chance_in_run(safe),
        "rows_to_cut": None if safe is None else plan.run.lengths.num_longer(safe),
    }


def _fit(fit: Fit) -> dict[str, Any]:
    return {
        "fits": fit.fits,
        "peak_allocated_bytes": fit.peak_allocated_bytes,
        "peak_reserved_bytes": fit.peak_reserved_bytes,
        "peak_phase": fit.peak_phase,
        "headroom_bytes": fit.headroom_bytes,
        "phases": {name: dataclasses.asdict(phase) for name, phase in fit.phases.items()},
    }


def _largest(largest: Largest) -> dict[str, Any]:
    return {
        "value": largest.value,
        "next_value": largest.next_value,
        "step": largest.step,
        "fit": largest.fit and _fit(largest.fit),
        "next_fit": largest.next_fit and _fit(largest.next_fit),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "names": [knob.name for knob in change.knobs],
        "options": [knob.option for knob in change.knobs],
        "cell": change.fit.cell.to_json(),
        "alloc_conf": next((knob.alloc_conf for knob in change.knobs if knob.alloc_conf), None),
        "saved_bytes": change.saved_bytes,
        "saved_allocated_bytes": change.saved_allocated_bytes,
        **_fit(change.fit),
    }
