"""The tables of the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, common_basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.intervals import mean, mean_accuracy
from ladderscope.studies.shares import ALL_ALIKE_MEANS, UNBOUNDED, accuracy_text, ends_of, points

from .outcome import AS_MUCH, SPENT, EqualGap, accuracy, answers_of, difference, gap_at_equal, runs_of, tokens
from .plan import ARMS, BACKBONE_ALONE, BUDGETS, GRANULARITIES, LONG, REFERENCE, SHORT, WHOLE

CHAINS: Mapping[str, Sequence[int]] = {"long": (LONG,), "every 2nd": (2,), "all short": SHORT}
"""Groups of granularities, of which means are shown."""


def every(granularity: int) -> str:
    """How often a value is written."""
    return "every value" if granularity == LONG else f"every {granularity}th" if granularity > 2 else "every 2nd"


def accuracy_table(records: Sequence[Record], bounds: Mapping[str, float]) -> Table:
    """Right answers at equal data, with the tokens that were written for them."""
    rows = []
    for arm in (*ARMS, BACKBONE_ALONE):
        cells = [_accuracy(runs_of(records, arm, g), bounds["confidence"]) for g in GRANULARITIES]
        if any(cell != NOTHING for cell in cells):
            rows.append([arm, *cells])
    note = (
        f"Means over seeds, with Wilson's {bounds['confidence']:.0%} intervals over items, each counted once, which "
        "know nothing of other seeds; in square brackets the mean number of tokens written. "
        f"Chance is {accuracy_text(bounds['chance'])}."
    )
    return Table("Right answers at equal data", ["written", *map(every, GRANULARITIES)], rows, note)


def equal_table(records: Sequence[Record], bounds: Mapping[str, float]) -> Table:
    """Every arm against Ladder, at equal data, at equal compute and at equal time."""
    basis, confidence = common_basis(records), bounds["confidence"]
    rows: list[list[str | Value]] = []
    for arm in ARMS:
        for name, granularities in CHAINS.items():
            if arm == REFERENCE:
                continue
            found = difference(records, arm, REFERENCE, granularities, confidence)
            others = [gap_at_equal(records, arm, REFERENCE, granularities, axis) for axis in ("compute", "time")]
            shown = [f"{points(found.mean)} ({ends_of(found)})", *map(_gap, others)]
            rows.append([arm, name, *(Value(text, basis) for text in shown)])
    note = (
        "Differences in accuracy in percentage points, means over granularities. At equal data, after "
        f"{BUDGETS[-1]:,} steps each, with a paired {confidence:.0%} interval over items and seeds; {UNBOUNDED}: the "
        f"{len(WHOLE.seeds)} seeds are too few to say more than from -100 to +100; {ALL_ALIKE_MEANS}. "
        "At equal compute and time with the "
        "steps of the two runs that are compared, the method's and then Ladder's, and with no interval: each is of "
        f"the largest budget that costs no more than the other's largest (within {AS_MUCH:.0%}), so that the dearer "
        "one has often spent less; nothing is read between budgets, as accuracy jumps there. With the same steps for "
        "both the number is that at equal data; with others it says what the smaller budget is too small for."
    )
    columns = ["against Ladder", "chains", "equal data", "equal compute (steps)", "equal time (steps)"]
    return Table("Against Ladder at equal data, compute and time", columns, rows, note)


def compute_table(records: Sequence[Record]) -> Table:
    """What every budget costs, and how far it leads."""
    rows = []
    for arm in ARMS:
        for steps in BUDGETS:
            runs = [runs_of(records, arm, granularity, steps) for granularity in GRANULARITIES]
            cells = [_spent_and_reached(some) for some in runs]
            if any(cell != NOTHING for cell in cells):
                rows.append([arm, str(steps), *cells])
    note = "TFLOPs of the training steps, their seconds, and right answers, means over seeds."
    return Table("Accuracy against compute", ["method", "steps", *map(every, GRANULARITIES)], rows, note)


def cost_table(records: Sequence[Record]) -> Table:
    """Equal parameters are not equal compute: what a step costs."""
    rows: list[list[str | Value]] = []
    for arm in ARMS:
        runs = runs_of(records, arm, LONG)
        params = next((one.params.trainable for one in runs if one.params), None)
        flops = [one.flops.per_step / 1e9 for one in runs if one.flops]
        seconds = [one.seconds_per_step for one in runs if one.seconds_per_step]
        if params is not None and flops and seconds:
            numbers = [f"{params:,}", f"{mean(flops):.2f}", f"{mean(seconds):.3f}"]
            rows.append([arm, *(Value(text, common_basis(runs)) for text in numbers)])
    note = "Of a step of 24 long chains; seconds are those of one thread."
    columns = ["method", "trained parameters", "GFLOPs per step", "seconds per step"]
    return Table("What a step costs", columns, rows, note)


def _accuracy(runs: Sequence[Record], confidence: float) -> str | Value:
    if not runs:
        return NOTHING
    found = mean_accuracy([answers_of(one) for one in runs], confidence)
    assert found.low is not None
    assert found.high is not None
    text = f"{accuracy_text(found.mean)} ({100 * found.low:.1f} to {accuracy_text(found.high)}) [{tokens(runs):.1f}]"
    return Value(text, common_basis(runs))


def _spent_and_reached(runs: Sequence[Record]) -> str | Value:
    if not runs:
        return NOTHING
    compute, time = (mean([SPENT[axis](one) for one in runs]) for axis in ("compute", "time"))
    basis: Basis = common_basis(runs)
    return Value(f"{compute / 1e12:.2f} TFLOPs, {time:.0f} s: {accuracy_text(accuracy(runs))}", basis)


def _gap(found: EqualGap | None) -> str:
    """With the steps that are compared: once, or for each kind of chain where they differ."""
    if found is None:
        return NOTHING
    steps = {granularity: f"{mine:,} and {theirs:,}" for granularity, (mine, theirs) in found.budgets.items()}
    if len(set(steps.values())) == 1:
        return f"{points(found.mean)} ({next(iter(steps.values()))})"
    return f"{points(found.mean)} ({'; '.join(f'{every(one)} {text}' for one, text in steps.items())})"
