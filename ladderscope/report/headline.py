"""What the records say in a few sentences, what is gained beside what is lost, with no word on which is better."""

from __future__ import annotations

import itertools
import math
import operator
from collections import Counter
from collections.abc import Callable, Sequence

from ladderscope.records import Record
from ladderscope.report.data import ReportData
from ladderscope.report.labels import is_predicted, meter_label
from ladderscope.report.tables import above_weights_bytes
from ladderscope.units import format_bytes, format_count

SIDE_METHODS = ("ladder", "xladder", "qst", "lst")
REFERENCE_METHODS = ("qlora", "lora", "full")
_Conditions = tuple[object, ...]


def headline(data: ReportData) -> list[str]:
    """A count of the cells, then a comparison at the longest length that two methods share, for each model."""
    sentences = [_count(data.records)]
    by_model: dict[str, list[Record]] = {}
    for record in data.ok:
        if record.memory:
            by_model.setdefault(record.cell.model, []).append(record)
    for records in by_model.values():
        if pair := _pair(records):
            sentences += _comparison(*pair)
    return sentences


def _count(records: Sequence[Record]) -> str:
    counts = Counter(record.status for record in records)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.items())
    predicted = sum(is_predicted(record) for record in records)
    remark = f"; {predicted} of them predicted, not measured" if predicted else ""
    return f"{len(records)} {'record' if len(records) == 1 else 'records'}: {statuses}{remark}."


def _pair(records: Sequence[Record]) -> tuple[Record, Record] | None:
    """A side network and a reference method under the same conditions: measured before predicted, longest first,
    nearest in trained parameters."""
    by_method: dict[str, dict[_Conditions, list[Record]]] = {}
    for record in records:
        if record.cell.method in (*SIDE_METHODS, *REFERENCE_METHODS):
            by_method.setdefault(record.cell.method, {}).setdefault(_conditions(record), []).append(record)
    for side, reference in itertools.product(SIDE_METHODS, REFERENCE_METHODS):
        sides, references = by_method.get(side, {}), by_method.get(reference, {})
        pairs = [
            pair
            for conditions, found in sides.items()
            for pair in itertools.product(_one_of_each_size(found), _one_of_each_size(references.get(conditions, [])))
        ]
        if pairs:
            return min(pairs, key=lambda pair: (is_predicted(pair[0]), -pair[0].cell.seq_len, _size_gap(*pair)))
    return None


def _one_of_each_size(records: Sequence[Record]) -> list[Record]:
    """The first record with each number of trained parameters: of thousands, few differ in it."""
    found: dict[int | None, Record] = {}
    for record in records:
        found.setdefault(record.params.trainable if record.params else None, record)
    return list(found.values())


def _size_gap(a: Record, b: Record) -> float:
    """How far apart two records are in trained parameters, as the absolute log of their ratio."""
    if a.params is None or b.params is None:
        return 0.0
    return abs(math.log(a.params.trainable / b.params.trainable))


_SHAPE = ("seq_len", "batch_size", "gradient_accumulation", "steps", "data", "loss_impl")
_SETTINGS = ("seed", "dtype", "optimizer", "gradient_checkpointing")
_conditions: Callable[[Record], _Conditions] = operator.attrgetter(
    "meter", "gpu", *(f"cell.{name}" for name in (*_SHAPE, *_SETTINGS))
)


def _comparison(side: Record, other: Record) -> list[str]:
    assert side.memory is not None
    assert other.memory is not None
    a, b = side.cell.method_label, other.cell.method_label
    peaks = (side.memory.peak_allocated_bytes, other.memory.peak_allocated_bytes)
    above = (above_weights_bytes(side.memory), above_weights_bytes(other.memory))
    return [
        f"{side.cell.model} at {side.cell.seq_len} tokens, {meter_label(side)}: "
        f"{a} ({_setting(side)}) peaks at {format_bytes(peaks[0])} "
        f"and {b} ({_setting(other)}) at {format_bytes(peaks[1])}{_ratio(*peaks)}; "
        f"above the weights it is {format_bytes(above[0])} and {format_bytes(above[1])}{_ratio(*above)}.",
        *_cost(side, other, a, b),
        *_quality(side, other, a, b),
    ]


def _setting(record: Record) -> str:
    trained = f"{format_count(record.params.trainable)} trained, " if record.params else ""
    quantization = "unquantised" if record.cell.quantization == "none" else record.cell.quantization
    return f"{trained}{quantization} backbone, lr {record.cell.lr:g}"


def _cost(side: Record, other: Record, a: str, b: str) -> list[str]:
    parts = []
    if side.flops and other.flops and other.flops.per_step:
        parts.append(f"{side.flops.per_step / other.flops.per_step:.2f} times the FLOPs")
    if side.seconds_per_step and other.seconds_per_step:
        parts.append(f"{side.seconds_per_step / other.seconds_per_step:.2f} times the seconds")
    return [f"A step of {a} takes {' and '.join(parts)} of a step of {b}."] if parts else []


def _quality(side: Record, other: Record, a: str, b: str) -> list[str]:
    if not (side.eval_loss and other.eval_loss):
        return []
    if "random" in (side.weights, other.weights):
        return ["The weights are random, so the losses say nothing about either method."]
    return [
        f"After {side.cell.steps} steps the held-out loss went from {side.eval_loss.before:.3f} to "
        f"{side.eval_loss.after:.3f} with {a} and from {other.eval_loss.before:.3f} to {other.eval_loss.after:.3f} "
        f"with {b}."
    ]


def _ratio(numerator: int, denominator: int) -> str:
    return f" (ratio {numerator / denominator:.2f})" if denominator > 0 else ""
