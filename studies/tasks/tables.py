"""The tables of the README, of the runs that are there."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import MeanInterval, mean, mean_accuracy
from ladderscope.studies.shares import ALL_ALIKE_MEANS, ends_of, points
from ladderscope.studies.trained.spent import AXES

from .answers import ALL, QLORA, SIDES, TASK_NAMES, Contestant, Results
from .costs import cost_ratio, nearest_budget
from .plan import WHOLE


def accuracy_table(results: Results, confidence: float, basis: Basis) -> Table:
    """Share of right answers of everything."""
    rows: list[list[str | Value]] = []
    for who in ALL:
        found = [_accuracy(results, task, who, confidence) for task in TASK_NAMES]
        means = [one.mean for one in found if one is not None]
        overall = f"{mean(means):.1%}" if len(means) == len(TASK_NAMES) else None
        rows.append([who.name, *(_value(cell, basis) for cell in (*map(_share, found), overall))])
    note = (
        f"Right answers, with {confidence:.0%} intervals over items: Wilson's, for maths and critic at as many "
        "independent items as their templates leave (Kish's design effect). "
        f"At equal data mean over up to {len(WHOLE.seeds)} runs, each item counted once; what another run would do is "
        "in no interval of this table. Guessing gives 50% in sentiment and critic."
    )
    titles = [_title(results, task) for task in TASK_NAMES]
    return Table("Accuracy", ["method", *titles, "mean"], rows, note)


def difference_table(results: Results, learned: Sequence[str], confidence: float, basis: Basis) -> Table:
    """Every side network against QLoRA, at equal data and with twice the steps."""
    rows: list[list[str | Value]] = []
    for who in SIDES:
        wanted = [*([task] for task in TASK_NAMES), TASK_NAMES, learned]
        gaps = [results.difference(who, QLORA, tasks, confidence) for tasks in wanted]
        rows.append([who.name, *(_value(_gap(one), basis) for one in gaps)])
    note = (
        f"Accuracy minus QLoRA's in percentage points, with a {confidence:.0%} interval, paired, over "
        "items (in maths and critic over templates) and, at equal data, over seeds; twice the steps were run with "
        "the first seed alone, against QLoRA's run with it, so that these intervals are over items alone and know "
        f"nothing of other seeds. {ALL_ALIKE_MEANS.capitalize()}. "
        f"{_learned_sentence(learned, confidence)}"
    )
    columns = ["method", *TASK_NAMES, "mean of all", "mean of tasks that QLoRA learned"]
    return Table("Against QLoRA, on the same items", columns, rows, note)


def _learned_sentence(learned: Sequence[str], confidence: float) -> str:
    """What counts as learned, and what was."""
    means = (
        f"A task counts as learned where QLoRA's accuracy is above that of the backbone as it is ({confidence:.0%} "
        "interval above 0); a lower loss does not count."
    )
    if not learned:
        return f"{means} By this QLoRA has learned none of the tasks, and the last column is empty."
    return f"{means} By this QLoRA has learned {', '.join(learned)}."


def cost_table(results: Results, basis: Basis) -> Table:
    """What the runs cost, in multiples of QLoRA's, and which budget is nearest to an equal cost."""
    rows: list[list[str | Value]] = []
    for who in (QLORA, *SIDES):
        runs = [run for task in TASK_NAMES for run in results.runs(task, who) if run.params]
        trained = f"{runs[0].params.trainable / 1e6:.2f} M" if runs and runs[0].params else None
        ratios = [cost_ratio(results, who, axis) for axis in AXES]
        cells = [trained, *(None if ratio is None else f"{ratio:.2f}" for ratio in ratios)]
        rows.append([who.name, *(_value(cell, basis) for cell in cells), nearest_budget(results, who) or NOTHING])
    note = (
        "Tokens (padding included), FLOPs (with the calibration of Ladder and xLadder before the first step) and "
        "seconds (steps, at the lower quartile of a step's) of a run of each task, over QLoRA's. The last column says "
        "in what a side network's budget is the one of its two that is nearer to QLoRA's."
    )
    return Table("Cost", ["method", "trained parameters", *AXES, "nearest to equal"], rows, note)


def loss_table(results: Results, basis: Basis) -> Table:
    """Held-out losses of everything."""
    rows = [[who.name, *(_value(_loss(results.runs(task, who)), basis) for task in TASK_NAMES)] for who in ALL]
    note = "Nats per token of the completions, on the first items of each test set; mean over runs."
    return Table("Held-out loss", ["method", *TASK_NAMES], rows, note)


def _accuracy(results: Results, task: str, who: Contestant, confidence: float) -> MeanInterval | None:
    found = results.answers(task, who)
    return mean_accuracy(found, confidence) if found else None


def _title(results: Results, task: str) -> str:
    """With the number of items, and of templates where they have them."""
    asked = [one for who in ALL for one in results.answers(task, who)][:1]
    if not asked:
        return task
    templates = f" of {len(set(asked[0].groups))} templates" if asked[0].groups else ""
    return f"{task} ({len(asked[0].correct)} items{templates})"


def _share(found: MeanInterval | None) -> str | None:
    return None if found is None else f"{found.mean:.1%} ({found.low:.0%} to {found.high:.0%})"


def _gap(found: MeanInterval | None) -> str | None:
    if found is None or found.low is None or found.high is None:
        return None
    return f"{points(found.mean)} ({ends_of(found)})"


def _loss(runs: Sequence[Record]) -> str | None:
    losses = [run.eval_loss.after for run in runs if run.eval_loss]
    return f"{mean(losses):.3f}" if losses else None


def _value(text: str | None, basis: Basis) -> str | Value:
    return NOTHING if text is None else Value(text, basis)
