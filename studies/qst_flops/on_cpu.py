"""Seconds per step that were measured on a CPU: the hardware at hand, on which the paper claims nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import ON_CPU, basis_of
from ladderscope.studies.findings import NOTHING, Table, Value

MODEL, REFERENCE, CLAIMED = "smollm2-135m", "qlora", "qst"
METHODS = (REFERENCE, CLAIMED, "lora", "lst")
_COLUMNS = (
    "CPU",
    "threads",
    "model",
    "method",
    "seconds per step",
    "over QLoRA's",
    "FLOPs over QLoRA's",
    "GFLOPs per second",
)
_NOTE = (
    "Median step at 4 x 384 random tokens, adapters in bf16, one run each. FLOPs are counted on the operations that "
    "ran; unpacking 4-bit weights, norms and the optimizer take time and are not among them. Losses of these runs are "
    "no result: the tokens are random."
)


def cpu_table(records: Sequence[Record]) -> Table:
    """Seconds per step of each method, beside its FLOPs, both over QLoRA's."""
    found = _measured(records)
    rows: list[list[str | Value]] = []
    for method in METHODS:
        record = found.get(method)
        if record is None:
            rows.append([NOTHING, NOTHING, MODEL, method, "not measured", *[NOTHING] * 3])
            continue
        seconds, flops = _seconds(record), _flops(record)
        numbers = [f"{seconds:.3g}", *_ratios(found, method), f"{flops / seconds / 1e9:.3g}"]
        hardware = [str(record.env.get(name, NOTHING)) for name in ("cpu", "cpu_threads")]
        values = [Value(number, ON_CPU) for number in numbers]
        rows.append([*hardware, MODEL, record.cell.method_label, *values])
    return Table("Seconds per step on this CPU", _COLUMNS, rows, _NOTE)


def cpu_sentence(records: Sequence[Record]) -> str:
    """QLoRA's seconds and FLOPs over QST's on the CPU, which decide nothing; empty where they were not measured."""
    found = _measured(records)
    one, other = found.get(REFERENCE), found.get(CLAIMED)
    if one is None or other is None or not _are_comparable(one, other):
        return ""
    seconds, flops = _seconds(one) / _seconds(other), _flops(one) / _flops(other)
    return (
        f" On a CPU, which decides nothing here, QLoRA's step takes {seconds:.2f} times as long as QST's on {MODEL} "
        f"({ON_CPU}), with {flops:.2f} times the FLOPs."
    )


def _measured(records: Sequence[Record]) -> dict[str, Record]:
    """Method -> its record."""
    return {
        record.cell.method: record
        for record in records
        if basis_of(record) == ON_CPU
        and (record.status, record.cell.model) == ("ok", MODEL)
        and record.flops
        and record.seconds_per_step
    }


def _ratios(found: dict[str, Record], method: str) -> list[str]:
    """Of seconds and of FLOPs, over QLoRA's."""
    record, reference = found[method], found.get(REFERENCE)
    if reference is None:
        return [NOTHING, NOTHING]
    seconds = f"{_seconds(record) / _seconds(reference):.2f}" if _are_comparable(record, reference) else NOTHING
    return [seconds, f"{_flops(record) / _flops(reference):.2f}"]


def _are_comparable(one: Record, other: Record) -> bool:
    """Whether both ran on the same kind of CPU, with as many threads."""
    return all(one.env.get(name) == other.env.get(name) for name in ("cpu", "cpu_threads"))


def _seconds(record: Record) -> float:
    assert record.seconds_per_step is not None
    return record.seconds_per_step


def _flops(record: Record) -> int:
    assert record.flops is not None
    return record.flops.per_step
