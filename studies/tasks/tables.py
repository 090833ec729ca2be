"""The tables of the README."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import MeanInterval, accuracy_interval

from .answers import ALL, QLORA, SIDES, TASK_NAMES, Contestant, Results, pooled
from .plan import WHOLE


def points(share: float) -> str:
    """A difference of accuracies in percentage points, with its sign."""
    return f"{100 * share:+.1f}"


def accuracy_table(results: Results, confidence: float, basis: Basis) -> Table:
    """Share of right answers of everything, with Wilson's intervals."""
    rows: list[list[str | Value]] = []
    for who in ALL:
        found = [pooled(results.answers(task, who)) for task in TASK_NAMES]
        cells = []
        for one in found:
            low, high = accuracy_interval(one, confidence)
            cells.append(f"{one.accuracy:.1%} ({low:.0%} to {high:.0%})")
        mean = f"{math.fsum(one.accuracy for one in found) / len(found):.1%}"
        rows.append([who.name, *(Value(cell, basis) for cell in (*cells, mean))])
    items = [len(results.answers(task, QLORA)[0].correct) for task in TASK_NAMES]
    titles = [f"{task} ({count} items)" for task, count in zip(TASK_NAMES, items, strict=True)]
    note = (
        f"Right answers, with Wilson's {confidence:.0%} interval of a share over items; {len(WHOLE.seeds)} "
        f"{'run' if len(WHOLE.seeds) == 1 else 'runs'} each. Guessing gives 50% in sentiment and critic."
    )
    return Table("Accuracy", ["method", *titles, "mean"], rows, note)


def difference_table(results: Results, learned: Sequence[str], confidence: float, basis: Basis) -> Table:
    """Every side network against QLoRA, at equal data and with twice the steps."""
    rows: list[list[str | Value]] = []
    for who in SIDES:
        gaps = [results.difference(who, QLORA, [task], confidence) for task in TASK_NAMES]
        gaps.append(results.difference(who, QLORA, TASK_NAMES, confidence))
        cells = [_gap(one) for one in gaps]
        cells.append(_gap(results.difference(who, QLORA, learned, confidence)) if learned else NOTHING)
        rows.append([who.name, *(Value(cell, basis) for cell in cells)])
    where = ", ".join(learned) or "no task"
    note = (
        f"Accuracy minus QLoRA's in percentage points, with a {confidence:.0%} interval of a paired bootstrap over "
        f"items. QLoRA has learned something of {where}: there it is better than the backbone as it is."
    )
    columns = ["method", *TASK_NAMES, "mean of all", "mean of what QLoRA learned"]
    return Table("Against QLoRA, on the same items", columns, rows, note)


def cost_table(results: Results, basis: Basis) -> Table:
    """What the runs cost, in multiples of QLoRA's, and which budget is nearest to an equal cost."""
    rows: list[list[str | Value]] = []
    for who in (QLORA, *SIDES):
        first = results.runs(TASK_NAMES[0], who)[0]
        trained = NOTHING if first.params is None else f"{first.params.trainable / 1e6:.2f} M"
        ratios = [f"{_ratio(results, who, axis):.2f}" for axis in AXES]
        rows.append([who.name, *(Value(cell, basis) for cell in (trained, *ratios)), _nearest(results, who)])
    note = (
        "Tokens (padding included), FLOPs and seconds of the training steps of all tasks, over QLoRA's. The last "
        "column says in what a side network's budget is the one of its two that is nearer to QLoRA's."
    )
    return Table("Cost", ["method", "trained parameters", *AXES, "nearest to equal"], rows, note)


def loss_table(results: Results, basis: Basis) -> Table:
    """Held-out losses of everything."""
    rows = [[who.name, *(Value(f"{_loss(results.runs(task, who)):.3f}", basis) for task in TASK_NAMES)] for who in ALL]
    note = "Nats per token of the completions, on the first items of each test set; mean over runs."
    return Table("Held-out loss", ["method", *TASK_NAMES], rows, note)


AXES: Mapping[str, Callable[[Record], float]] = {
    "data": lambda record: float(record.cell.steps * record.cell.tokens_per_step),
    "compute": lambda record: float(record.cell.steps * (record.flops.per_step if record.flops else 0)),
    "time": lambda record: math.fsum(record.step_seconds),
}
"""What can be made equal -> how much of it a run's steps took: tokens, FLOPs, seconds."""


def _ratio(results: Results, who: Contestant, axis: str) -> float:
    mine, theirs = (
        math.fsum(AXES[axis](run) for task in TASK_NAMES for run in results.runs(task, one)) for one in (who, QLORA)
    )
    return mine / theirs if theirs else math.nan


def _nearest(results: Results, who: Contestant) -> str:
    if who == QLORA:
        return NOTHING
    of_method = [one for one in SIDES if one.method == who.method]
    nearest = {axis: min(of_method, key=lambda one: _distance(_ratio(results, one, axis))) for axis in AXES}
    return ", ".join(axis for axis, one in nearest.items() if one == who) or NOTHING


def _distance(ratio: float) -> float:
    return abs(math.log(ratio)) if ratio > 0 else math.inf


def _loss(runs: Sequence[Record]) -> float:
    losses = [run.eval_loss.after for run in runs if run.eval_loss]
    return math.fsum(losses) / len(losses) if losses else math.nan


def _gap(found: MeanInterval) -> str:
    ends = "" if found.low is None or found.high is None else f" ({points(found.low)} to {points(found.high)})"
    return points(found.mean) + ends
