"""Seconds per step that were measured on a CPU: the hardware at hand, on which the paper claims nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Cell, Record
from ladderscope.studies.bases import ON_CPU
from ladderscope.studies.cpu_seconds import CpuSteps, cpu_steps, cpu_table
from ladderscope.studies.findings import Table

MODEL, REFERENCE, CLAIMED = "smollm2-135m", "qlora r=64", "qst 1/16"
LABELS = (REFERENCE, CLAIMED, "lora r=32", "lst 1/8")
_NOTE = (
    "Lower quartile of the steps after the first at 4 x 384 random tokens, adapters in bf16, one run each. FLOPs are "
    "counted on the operations that ran; unpacking 4-bit weights, norms and the optimizer take time and are not among "
    "them. Losses of these runs are no result: the tokens are random."
)


def seconds_table(records: Sequence[Record]) -> Table:
    """Seconds per step of each method, beside its FLOPs, both over QLoRA's."""
    return cpu_table(_steps(records), LABELS, _NOTE)


def cpu_sentence(records: Sequence[Record]) -> str:
    """QLoRA's seconds and FLOPs over QST's on the CPU, which decide nothing; empty where they were not measured."""
    steps = _steps(records)
    seconds, flops = steps.seconds_ratio(CLAIMED), steps.flops_ratio(CLAIMED)
    if seconds is None or flops is None:
        return ""
    return (
        f" On a CPU, which decides nothing here, QLoRA's step takes {1 / seconds:.2f} times as long as QST's on "
        f"{MODEL} ({ON_CPU}), with {1 / flops:.2f} times the FLOPs."
    )


def _steps(records: Sequence[Record]) -> CpuSteps:
    return cpu_steps(records, MODEL, REFERENCE, _label)


def _label(cell: Cell) -> str:
    return cell.method_label
