"""How the numbers came about, and how far they carry: written from the records, not from memory."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ladderscope.records import Cell, Record
from ladderscope.report.data import RANDOM_WEIGHTS, ReportData
from ladderscope.report.labels import is_predicted, meter_label

FEW_STEPS = 100
MAX_LISTED = 6
MAX_VALUES = 40
CATEGORY_MEANINGS = {
    "weights": "the frozen (or, with full fine-tuning, trained) weights of the backbone, as they are stored",
    "quantization_state": "scales and tables that turn quantized weights back into numbers",
    "adapter_weights": "weights that the method adds: low-rank factors, or a side network",
    "gradients": "gradients of what is trained",
    "optimizer_state": "what the optimizer keeps for each trained weight",
    "activations": "what forward keeps for backward, and temporaries inside the blocks; on CUDA, logits and loss too",
    "logits_and_loss": "logits, their gradient, and what the loss computes from them",
    "workspace": "what cuBLAS keeps for itself; told apart in predictions only",
    "collectives": "on several GPUs: DDP's buckets; weights that FSDP gathers, gradients that it reduces",
    "rounding": "what the allocator gives beyond what is asked for; told apart in predictions only",
    "other": "batches, temporaries of the optimizer's update; on CUDA, rounding and workspaces too",
}
"""Category of a memory breakdown -> what it holds."""


def settings_used(records: Sequence[Record]) -> dict[str, str]:
    """The settings of the cells, each with all its values."""
    used = {"meter": _values(map(meter_label, records))}
    cells = [record.cell for record in records]
    for field in dataclasses.fields(Cell):
        used[field.name.replace("_", " ")] = _values(map(operator.attrgetter(field.name), cells))
    used["weights of the backbone"] = _values(record.weights or "unknown" for record in records)
    return used


def environment(records: Sequence[Record]) -> dict[str, str]:
    """Versions, hardware and commit, each with all its values; whatever the records happen to hold."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, value in record.env.items():
            if type(value) is str:  # as most are
                found.setdefault(name, {})[value] = None
                continue
            for inner, one in _flat({name: value}):
                found.setdefault(inner, {})[str(one)] = None
    return {name: _listed(sorted(values)) for name, values in sorted(found.items())}


def limits(data: ReportData) -> list[str]:
    """What these records cannot show, one sentence each."""
    ok = data.ok
    found = [f"{RANDOM_WEIGHTS.capitalize()}."] if data.has_random_weights else []
    trained = [len(record.loss) for record in ok if record.loss]
    if trained and max(trained) < FEW_STEPS:
        found.append(
            f"No run has more than {max(trained)} steps: that shows what a step costs, not how good a method becomes."
        )
    if trained and len({record.cell.seed for record in ok if record.loss}) == 1:
        found.append("There is one seed, so a difference between losses may be the luck of that seed.")
    if trained and len({record.cell.lr for record in ok if record.loss}) == 1:
        found.append("All methods ran with one learning rate, which need not suit all of them equally.")
    if any(record.meter == "cpu" for record in ok):
        found.append("Memory and seconds measured on a CPU do not carry over to a GPU.")
    if any(is_predicted(record) for record in ok):
        found.append("Predicted memory is what a device is expected to allocate; nothing was run to get it.")
    if any(record.env.get("dirty") is True for record in ok):
        found.append("The code had uncommitted changes, so its commit alone does not reproduce these numbers.")
    return found


def _listed(values: Sequence[str], most: int = MAX_LISTED) -> str:
    if len(values) <= most:
        return ", ".join(values)
    return f"{values[0]} to {values[-1]} ({len(values):,} values)"


def _values(values: Iterator[object]) -> str:
    """All values; of more than a reader reads, the lowest and the highest."""
    found = dict.fromkeys(values)
    if len(found) <= MAX_VALUES:
        return ", ".join(dict.fromkeys(map(_shown, found)))
    numbers = sorted(value for value in found if isinstance(value, int | float))
    texts = sorted(_shown(value) for value in found if not isinstance(value, int | float))
    return _listed([*map(_shown, numbers), *texts], MAX_VALUES)


def _shown(value: object) -> str:
    return "none" if value is None else str(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", value
