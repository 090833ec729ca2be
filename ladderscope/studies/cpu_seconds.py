"""Seconds per step that were measured on a CPU, beside FLOPs: where a study has no GPU at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ladderscope.records import Cell, Record
from ladderscope.studies.bases import ON_CPU, basis_of
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.trained.timing import quiet_seconds


@dataclass(frozen=True, slots=True)
class CpuSteps:
    """What steps of one model took on a CPU.

    Attributes:
        model: that was trained.
        reference: the label that others are divided by.
        found: label of a cell -> its record.
    """

    model: str
    reference: str
    found: dict[str, Record]

    def seconds(self, label: str) -> float:
        """Seconds of a step that waits for nothing else on the machine."""
        seconds = quiet_seconds([self.found[label]])
        assert seconds is not None
        return seconds

    def flops(self, label: str) -> int:
        """FLOPs of a step."""
        flops = self.found[label].flops
        assert flops is not None
        return flops.per_step

    def seconds_ratio(self, label: str) -> float | None:
        """Over the reference's; None where that is missing, or ran on another CPU or with other threads."""
        one, other = self.found.get(label), self.found.get(self.reference)
        if one is None or other is None or _hardware(one) != _hardware(other):
            return None
        return self.seconds(label) / self.seconds(self.reference)

    def flops_ratio(self, label: str) -> float | None:
        """Over the reference's; None where either is missing."""
        if label not in self.found or self.reference not in self.found:
            return None
        return self.flops(label) / self.flops(self.reference)


def cpu_steps(records: Iterable[Record], model: str, reference: str, label_of: Callable[[Cell], str]) -> CpuSteps:
    """The steps of a model that ended well on a CPU."""
    found = {
        label_of(record.cell): record
        for record in records
        if basis_of(record) == ON_CPU
        and (record.status, record.cell.model) == ("ok", model)
        and record.flops
        and record.step_seconds
    }
    return CpuSteps(model, reference, found)


def cpu_table(steps: CpuSteps, labels: Sequence[str], note: str) -> Table:
    """A row for each label, whether it was measured or not."""
    over = f"over {steps.reference}'s"
    columns = ["CPU", "threads", "method", "seconds per step", over, f"FLOPs {over}", "GFLOPs per second"]
    title = f"Seconds per step of {steps.model} on this CPU"
    return Table(title, columns, [_row(steps, label) for label in labels], note)


def _row(steps: CpuSteps, label: str) -> list[str | Value]:
    record = steps.found.get(label)
    if record is None:
        return [NOTHING, NOTHING, label, "not measured", *[NOTHING] * 3]
    seconds, flops = steps.seconds(label), steps.flops(label)
    ratios = [_text(steps.seconds_ratio(label)), _text(steps.flops_ratio(label))]
    numbers = [f"{seconds:.3g}", *ratios, f"{flops / seconds / 1e9:.3g}"]
    return [*_hardware(record), label, *(Value(number, ON_CPU) for number in numbers)]


def _hardware(record: Record) -> tuple[str, str]:
    cpu, threads = (str(record.env.get(name, NOTHING)) for name in ("cpu", "cpu_threads"))
    return cpu, threads


def _text(ratio: float | None) -> str:
    return NOTHING if ratio is None else f"{ratio:.2f}"
