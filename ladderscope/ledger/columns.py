"""A record as a row: the columns that filters, exports and their users know, by stable names with units in them.

What is missing is ``None``. Sizes are in bytes, times in seconds, FLOPs count a multiply and an add as two, losses are
in nats per trained token.
"""

from __future__ import annotations

import dataclasses
import datetime
import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ladderscope.records import BREAKDOWN_CATEGORIES, FLOP_COMPONENTS, Cell, Record

Kind = Literal["text", "whole", "number", "truth", "time", "numbers", "texts"]
"""What a column holds; ``numbers`` and ``texts`` are lists."""

PHASES = ("load", "evaluation", "first step", "steady step", "generation")
ENVIRONMENT: dict[str, Kind] = {
    "ladderscope": "text",
    "commit": "text",
    "dirty": "truth",
    "torch": "text",
    "transformers": "text",
    "peft": "text",
    "bitsandbytes": "text",
    "numpy": "text",
    "python": "text",
    "cuda": "text",
    "cuda_driver": "text",
    "cpu": "text",
    "cpu_threads": "whole",
    "system": "text",
    "gpu_total_bytes": "whole",
    "gpu_outside_bytes": "whole",
}
"""Of a record's environment, what becomes a column, with ``env_`` before its name."""
_CELL_KINDS: dict[str, Kind] = {
    "int": "whole",
    "int | None": "whole",
    "float": "number",
    "bool": "truth",
    "str": "text",
}


@dataclass(frozen=True, slots=True)
class RecordColumn:
    """A column: its name, what it holds, what that means, and how a record gives it."""

    name: str
    kind: Kind
    meaning: str
    of: Callable[[Record], Any]

    @property
    def is_list(self) -> bool:
        """Whether a record has several values of it; filters and CSV have no such columns."""
        return self.kind in ("numbers", "texts")


def finished_at(record: Record) -> datetime.datetime | None:
    """When the record was made, in UTC; ``None`` where it does not say so."""
    text = record.env.get("finished_at")
    try:
        time = datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        time = None
    if time is None:
        return None
    return time.astimezone(datetime.UTC) if time.tzinfo else time.replace(tzinfo=datetime.UTC)


def _columns() -> Iterator[RecordColumn]:
    yield RecordColumn("cell_id", "text", "16 hexadecimal digits that all settings decide", lambda r: r.cell.cell_id)
    for field in dataclasses.fields(Cell):
        kind = _CELL_KINDS[str(field.type)]
        yield RecordColumn(field.name, kind, f"setting {field.name} of the cell", _at("cell", field.name))
    yield RecordColumn("meter", "text", "cpu or cuda, measured, or predict", lambda r: r.meter)
    yield RecordColumn("gpu", "text", "the GPU, measured or predicted for", lambda r: r.gpu)
    yield RecordColumn("status", "text", "ok, oom, error or timeout", lambda r: r.status)
    yield RecordColumn("error", "text", "why it is not ok", lambda r: r.error)
    yield RecordColumn("weights", "text", "pretrained or random, of the backbone", lambda r: r.weights)
    yield RecordColumn("finished_at", "time", "when it was made, UTC", finished_at)
    yield from _memory_columns()
    yield from _cost_columns()
    yield from _loss_columns()
    for name, kind in ENVIRONMENT.items():
        yield RecordColumn(f"env_{name}", kind, f"{name} of the environment", _environment(name))


def _memory_columns() -> Iterator[RecordColumn]:
    def column(name: str, meaning: str) -> RecordColumn:
        return RecordColumn(name, "whole", meaning, _at("memory", name))

    yield column("peak_allocated_bytes", "peak of a training step in live tensors")
    yield column("peak_reserved_bytes", "peak of a training step in what the CUDA allocator holds")
    yield column("peak_rss_bytes", "peak of the process in its whole life")
    yield column("saved_for_backward_bytes", "what forward leaves in memory for backward")
    for category in BREAKDOWN_CATEGORIES:
        of = _part("memory", "breakdown_bytes", category)
        yield RecordColumn(f"{category}_bytes", "whole", f"part of the allocated peak: {category}", of)
    for phase in PHASES:
        for what in ("peak_allocated_bytes", "peak_reserved_bytes"):
            name = f"{phase.replace(' ', '_')}_{what}"
            yield RecordColumn(name, "whole", f"{what} of the phase {phase}, predicted", _phase(phase, what))
    yield RecordColumn(
        "usable_bytes", "whole", "what the GPU leaves to the allocator", _at("forecast", "usable_bytes")
    )
    yield RecordColumn(
        "outside_bytes", "whole", "what CUDA takes beside the allocator, estimated", _at("forecast", "outside_bytes")
    )
    yield RecordColumn("unverified", "texts", "rules that no recorded run confirmed", _at("forecast", "unverified"))


def _cost_columns() -> Iterator[RecordColumn]:
    yield RecordColumn("trainable_params", "whole", "parameters that are trained", _at("params", "trainable"))
    yield RecordColumn("total_params", "whole", "all parameters, a 4-bit one as one", _at("params", "total"))
    yield RecordColumn("flops_per_step", "number", "FLOPs of an optimizer step", _at("flops", "per_step"))
    yield RecordColumn("flops_per_token", "number", "FLOPs of a step per token", _at("flops", "per_token"))
    for component in FLOP_COMPONENTS:
        of = _part("flops", "by_component", component)
        yield RecordColumn(f"{component}_flops", "number", f"part of the FLOPs of a step: {component}", of)
    yield RecordColumn("tokens_per_step", "whole", "tokens of a step, padding included", lambda r: r.tokens_per_step)
    yield RecordColumn(
        "seconds_per_step", "number", "median of the steps behind the first", lambda r: r.seconds_per_step
    )
    yield RecordColumn("tokens_per_second", "number", "at the median step", lambda r: r.tokens_per_second)
    yield RecordColumn("step_seconds", "numbers", "seconds of every step", lambda r: r.step_seconds)


def _loss_columns() -> Iterator[RecordColumn]:
    yield RecordColumn("eval_loss_before", "number", "held-out loss before training", _at("eval_loss", "before"))
    yield RecordColumn("eval_loss_after", "number", "held-out loss after training", _at("eval_loss", "after"))
    yield RecordColumn(
        "last_loss", "number", "loss of the last step's batch", lambda r: r.loss[-1] if r.loss else None
    )
    yield RecordColumn("loss", "numbers", "loss of every step's batch", lambda r: r.loss)


def _at(part: str, name: str) -> Callable[[Record], Any]:
    """``record.part.name``, where the record has that part."""
    whole, value = operator.attrgetter(part), operator.attrgetter(f"{part}.{name}")
    return lambda record: None if whole(record) is None else value(record)


def _part(part: str, name: str, key: str) -> Callable[[Record], Any]:
    of = _at(part, name)
    return lambda record: (of(record) or {}).get(key)


def _phase(phase: str, name: str) -> Callable[[Record], Any]:
    def of(record: Record) -> Any:
        found = record.forecast.phases.get(phase) if record.forecast else None
        return None if found is None else getattr(found, name)

    return of


def _environment(name: str) -> Callable[[Record], Any]:
    return lambda record: record.env.get(name)


COLUMNS: dict[str, RecordColumn] = {column.name: column for column in _columns()}
"""Name -> column, in the order of exports. Names stay; new ones come at the end of their part."""
