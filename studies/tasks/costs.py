"""What the runs cost, over what QLoRA's did."""

from __future__ import annotations

import math

from ladderscope.studies.trained.spent import AXES

from .answers import QLORA, SIDES, TASK_NAMES, Contestant, Results


def cost_ratio(results: Results, who: Contestant, axis: str) -> float | None:
    """Of a run of each task, over QLoRA's; None where a task lacks runs of either."""
    tasks = [(results.runs(task, who), results.runs(task, QLORA)) for task in TASK_NAMES]
    if not all(mine and theirs for mine, theirs in tasks):
        return None
    mine, theirs = (math.fsum(AXES[axis](pair[place]) for pair in tasks) for place in (0, 1))
    return mine / theirs if theirs else None


def nearest_budget(results: Results, who: Contestant) -> str:
    """In what the budget of a side network is the one of its two that is nearer to QLoRA's; empty where in nothing."""
    of_method = [one for one in SIDES if one.method == who.method]
    found = []
    for axis in AXES:
        far = {one: _distance(cost_ratio(results, one, axis)) for one in of_method}
        if None not in far.values() and far and min(far, key=lambda one: far[one] or 0.0) == who:
            found.append(axis)
    return ", ".join(found)


def _distance(ratio: float | None) -> float | None:
    return abs(math.log(ratio)) if ratio else None
