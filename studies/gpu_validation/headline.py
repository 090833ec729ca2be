"""What the methods take beside one another: at 7B, 2,048 tokens, one row per batch, all logits at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ladderscope.records import PREDICT, Cell, Record
from ladderscope.units import GIB
from studies.gpu_validation import markdown
from studies.gpu_validation.accuracy import Quantity, allocated_bytes, reserved_bytes
from studies.gpu_validation.labels import method_name, model_name
from studies.gpu_validation.pairs import CUDA

MODELS = ("llama-2-7b", "qwen2.5-7b")
QLORA, QLORA_CHECKPOINTED, LADDER = "qlora", "qlora, checkpointing", "ladder"
METHODS = (QLORA, QLORA_CHECKPOINTED, "lora", LADDER, "xladder", "qst", "lst")
_USUAL = {
    "seq_len": 2048,
    "batch_size": 1,
    "gradient_accumulation": 1,
    "dtype": "bf16",
    "loss_impl": "full",
    "optimizer": "adamw",
    "settings": "",
    "data": "random",
}
LEAST_MEMORY, LEAST_SPEED, MOST_RESERVED = 0.30, 2.0, 8 * GIB
MET, MISSED, NOT_MEASURED = "met", "missed", "not measured"
_HEADINGS = ("method", "allocated (GiB)", "reserved (GiB)", "step (s)", "tokens/s")
_RATIOS = ("memory / qlora", "memory / qlora checkpointed", "speed / qlora", "speed / qlora checkpointed")


def is_headline(cell: Cell) -> bool:
    """Whether the cell stands in a headline table."""
    usual = all(getattr(cell, name) == value for name, value in _USUAL.items())
    return usual and model_name(cell) in MODELS and method_name(cell) in METHODS


@dataclass(frozen=True)
class Headline:
    """Records of one model under one meter, by method.

    Where a grid has a method in several sizes, the first one stands here.
    """

    model: str
    records: dict[str, Record]

    def number(self, method: str, quantity: Quantity) -> float | None:
        """Of a method's record; None where there is none."""
        record = self.records.get(method)
        return None if record is None else quantity(record)

    def over(self, method: str, other: str, quantity: Quantity) -> float | None:
        """A method's number over another's; None where one is missing."""
        mine, others = self.number(method, quantity), self.number(other, quantity)
        return mine / others if mine is not None and others else None


def headline(records: Iterable[Record], model: str, meter: str = CUDA) -> Headline:
    """The headline's records of a model that came to their end under ``meter``, ``cuda`` or ``predict``."""
    found: dict[str, Record] = {}
    for record in records:
        fits = record.meter == meter and record.status == "ok" and record.memory is not None
        if fits and is_headline(record.cell) and model_name(record.cell) == model:
            found.setdefault(method_name(record.cell), record)
    return Headline(model, found)


def speed(record: Record) -> float | None:
    """Measured tokens per second; a prediction has none, whatever its record holds."""
    return None if record.meter == PREDICT else record.tokens_per_second


def methods_table(found: Headline, with_speeds: bool = True) -> str:
    """A row for each method, present or not."""
    rows = [_row(found, method, with_speeds) for method in METHODS]
    headings = (*_HEADINGS, *_RATIOS) if with_speeds else (*_HEADINGS[:3], *_RATIOS[:2])
    return markdown.table(headings, rows)


def _row(found: Headline, method: str, with_speeds: bool) -> list[str]:
    record = found.records.get(method)
    name = method if record is None else method.replace(record.cell.method, record.cell.method_label)
    memory = [markdown.gib(found.number(method, allocated_bytes)), markdown.gib(found.number(method, reserved_bytes))]
    of_memory, of_speed = (
        [markdown.ratio(found.over(method, other, of), 3) for other in (QLORA, QLORA_CHECKPOINTED)]
        for of in (allocated_bytes, speed)
    )
    if not with_speeds:
        return [name, *memory, *of_memory]
    time = markdown.seconds(None if record is None else record.seconds_per_step)
    return [name, *memory, time, markdown.rate(found.number(method, speed)), *of_memory, *of_speed]


@dataclass(frozen=True)
class Goal:
    """What the side networks are to reach, the measured figure (None: not measured), and how it is written."""

    text: str
    figure: float | None
    is_reached: bool
    written: str

    @property
    def verdict(self) -> str:
        """Met, missed or not measured."""
        return NOT_MEASURED if self.figure is None else MET if self.is_reached else MISSED


def goals(found: Headline) -> list[Goal]:
    """The targets for a model; only measured records answer them."""
    measured = Headline(found.model, {name: one for name, one in found.records.items() if one.meter == CUDA})
    memory = measured.over(LADDER, QLORA, allocated_bytes)
    checkpointed = measured.over(LADDER, QLORA_CHECKPOINTED, allocated_bytes)
    faster = measured.over(LADDER, QLORA, speed)
    held = measured.number(LADDER, reserved_bytes)
    return [
        _goal(f"ladder: at most {LEAST_MEMORY:.2f} of qlora's peak", memory, lambda x: x <= LEAST_MEMORY),
        _goal("ladder: peak below that of qlora with checkpointing", checkpointed, lambda x: x < 1),
        _goal(f"ladder: at least {LEAST_SPEED:.1f} times qlora's speed", faster, lambda x: x >= LEAST_SPEED),
        _goal("ladder: inside 8 GiB reserved", held, lambda x: x <= MOST_RESERVED, lambda x: f"{markdown.gib(x)} GiB"),
    ]


def _goal(
    text: str,
    figure: float | None,
    reaches: Callable[[float], bool],
    write: Callable[[float], str] = lambda figure: markdown.ratio(figure, 3),
) -> Goal:
    if figure is None:
        return Goal(text, None, False, markdown.MISSING)
    return Goal(text, figure, reaches(figure), write(figure))
