"""What the methods take beside one another: at 7B, 2,048 tokens, one row per batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ladderscope.methods.settings import canonical_settings
from ladderscope.records import PREDICT, Cell, Record
from ladderscope.units import GIB
from studies.gpu_validation.accuracy import Quantity, allocated_bytes, reserved_bytes
from studies.gpu_validation.labels import method_name, model_name
from studies.gpu_validation.pairs import CUDA

MODELS = ("llama-2-7b", "qwen2.5-7b")
QLORA, QLORA_CHECKPOINTED, LADDER = "qlora", "qlora, checkpointing", "ladder"
METHODS = (QLORA, QLORA_CHECKPOINTED, "lora", LADDER, "xladder", "qst", "lst")
LEAN = canonical_settings({"checkpoint_blocks": True, "backbone_chunk_tokens": 2048})
"""The settings of ``LadderConfig.lean()`` beside its reduction factor and its chunked loss."""
_USUAL = {
    "seq_len": 2048,
    "batch_size": 1,
    "gradient_accumulation": 1,
    "dtype": "bf16",
    "optimizer": "adamw",
    "data": "random",
}
LEAST_MEMORY, LEAST_SPEED, MOST_RESERVED = 0.30, 2.0, 8 * GIB


def is_headline(cell: Cell) -> bool:
    """Whether the cell stands in a headline table."""
    usual = all(getattr(cell, name) == value for name, value in _USUAL.items())
    return usual and model_name(cell) in MODELS and method_name(cell) in METHODS


def variant_name(cell: Cell) -> str:
    """What tells the cell from the others of its table: ``"ladder 1/16, lean, chunked loss"``."""
    parts = [method_name(cell).replace(cell.method, cell.method_label)]
    parts += ["lean" if cell.settings == LEAN else cell.settings] * bool(cell.settings)
    parts += [f"{cell.adapter_dtype} adapters"] * (cell.adapter_dtype != "fp32")
    parts += [f"{cell.loss_impl} loss"] * (cell.loss_impl != "full")
    return ", ".join(parts)


@dataclass(frozen=True)
class Headline:
    """Records of one model under one meter, in the order of the table."""

    model: str
    records: list[Record]

    def over(self, record: Record, method: str, quantity: Quantity) -> float | None:
        """A quantity over that of ``method`` with the same loss and dtype of adapters; None where one is missing."""
        mine = quantity(record)
        for other in self.records:
            if method_name(other.cell) == method and _conditions(other.cell) == _conditions(record.cell):
                others = quantity(other)
                return mine / others if mine is not None and others else None
        return None


def _conditions(cell: Cell) -> tuple[str, str]:
    return cell.loss_impl, cell.adapter_dtype


def headline(records: Iterable[Record], model: str, meter: str = CUDA) -> Headline:
    """The headline's records of a model that came to their end under ``meter``, ``cuda`` or ``predict``."""
    found = [
        record
        for record in records
        if record.meter == meter
        and record.status == "ok"
        and record.memory is not None
        and is_headline(record.cell)
        and model_name(record.cell) == model
    ]
    return Headline(model, sorted(found, key=_place))


def _place(record: Record) -> tuple[bool, bool, int, int, str]:
    cell = record.cell
    method = METHODS.index(method_name(cell))
    return cell.adapter_dtype != "fp32", cell.loss_impl != "full", method, cell.reduction_factor or 0, cell.settings


def speed(record: Record) -> float | None:
    """Measured tokens per second; a prediction has none, whatever its record holds."""
    return None if record.meter == PREDICT else record.tokens_per_second


@dataclass(frozen=True)
class Goal:
    """What side networks are to reach.

    Args:
        text: of the target.
        figure: the measured one of a headline's record; None where something for it was not measured.
        is_reached: whether a figure is enough.
    """

    text: str
    figure: Callable[[Headline, Record], float | None]
    is_reached: Callable[[float], bool]


GOALS = (
    Goal(
        f"at most {LEAST_MEMORY:.2f} of qlora's peak",
        lambda found, record: found.over(record, QLORA, allocated_bytes),
        lambda share: share <= LEAST_MEMORY,
    ),
    Goal(
        "peak below that of qlora with checkpointing",
        lambda found, record: found.over(record, QLORA_CHECKPOINTED, allocated_bytes),
        lambda share: share < 1,
    ),
    Goal(
        f"at least {LEAST_SPEED:.1f} times qlora's speed",
        lambda found, record: found.over(record, QLORA, speed),
        lambda times: times >= LEAST_SPEED,
    ),
    Goal(
        "GiB reserved, inside 8",
        lambda found, record: None if (held := reserved_bytes(record)) is None else held / GIB,
        lambda held: held * GIB <= MOST_RESERVED,
    ),
)
