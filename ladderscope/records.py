"""The cell (one point of a grid) and the record (what measuring it gave): plain data, JSON in and out.

Bytes are bytes, seconds are seconds, FLOPs count a multiply and an add as two. A measured and a predicted
record have the same fields; ``meter`` says which it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import operator
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ladderscope.errors import LedgerError, UnknownNameError

SCHEMA_VERSION = 1

PREDICT = "predict"
"""The meter that measures nothing: it predicts for a GPU."""

DEFAULT_GPU = "rtx-3060-12gb"
"""What is predicted for where the user names nothing; of the table of GPUs."""

RecordKey = tuple[str, str, str | None]
"""Id of the cell, meter and GPU."""

Status = Literal["ok", "oom", "error", "timeout"]
STATUSES: tuple[Status, ...] = ("ok", "oom", "error", "timeout")

BREAKDOWN_CATEGORIES = (
    "weights",
    "quantization_state",
    "adapter_weights",
    "gradients",
    "optimizer_state",
    "activations",
    "logits_and_loss",
    "workspace",
    "collectives",
    "rounding",
    "other",
)
"""Categories of ``Memory.breakdown_bytes``, in the order in which figures stack them."""

COLLECTIVES = "collectives"
"""The category that a breakdown leaves out where it is empty: that of every cell on one GPU."""

FLOP_COMPONENTS = (
    "backbone_forward",
    "backbone_recompute",
    "backbone_backward",
    "adapter",
    "side_network",
    "head",
)
"""Components of ``Flops.by_component``. ``adapter``, ``side_network`` and ``head`` hold forward plus backward."""


_NEWER_FIELDS = {"settings": "", "generate": 0, "adapter_dtype": "fp32", "parallel": "none", "num_gpus": 1}
"""Of a cell, added since the first ledgers were written: what older cells stand for."""
_NEWER_ANSWERS_FIELDS = ("groups", "items")
"""Left out where they are empty, as in older records."""
_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One point of the grid: everything that decides what a training run costs and reaches.

    ``rank`` is set for adapter methods, ``reduction_factor`` for side networks, neither for full fine-tuning.
    ``seq_len`` is in tokens, ``steps`` in optimizer steps of ``gradient_accumulation`` micro-batches each.
    ``settings`` are fields of the method's PEFT config by name, ``"downsample=linear gate=none"``. ``generate`` is in
    new tokens per row of a batch, generated behind training steps; it is predicted only, and 0 generates nothing.
    ``adapter_dtype`` is that of adapters and side networks, their gradients and their optimizer's state; ``fp32`` is
    PEFT's habit, whatever the backbone's ``dtype``. ``parallel`` says how ``num_gpus`` GPUs share the training:
    ``ddp`` gives each the whole model, ``fsdp`` (FSDP2) a part of every weight. ``batch_size`` is that of each GPU.
    """

    model: str
    method: str
    rank: int | None = None
    reduction_factor: int | None = None
    seq_len: int = 256
    batch_size: int = 1
    gradient_accumulation: int = 1
    dtype: str = "bf16"
    quantization: str = "none"
    optimizer: str = "adamw"
    lr: float = 1e-3
    gradient_checkpointing: bool = False
    loss_impl: str = "full"
    steps: int = 16
    seed: int = 0
    data: str = "gsm-symbolic"
    settings: str = ""
    generate: int = 0
    adapter_dtype: str = "fp32"
    parallel: str = "none"
    num_gpus: int = 1

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values; the newer ones only where they are set, so that older cells keep their ids."""
        values = zip(_CELL_FIELDS, _cell_values(self), strict=True)
        return {name: value for name, value in values if value != _NEWER_FIELDS.get(name, _ABSENT)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The cell with these field values.

        Raises:
            UnknownNameError: a key that is not a field.
        """
        _check_fields(cls, values, "cell setting")
        return cls(**values)

    @property
    def cell_id(self) -> str:
        """16 hexadecimal digits that depend on every setting and on nothing else."""
        canonical = _canonical_json(self.to_json())
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def tokens_per_step(self) -> int:
        """Tokens that go through the model in an optimizer step on all GPUs, padding included."""
        return self.tokens_per_rank * self.num_gpus

    @property
    def tokens_per_rank(self) -> int:
        """Tokens of an optimizer step on each GPU, padding included."""
        return self.seq_len * self.batch_size * self.gradient_accumulation

    @property
    def label(self) -> str:
        """A short name for people: ``'smollm2-135m qlora r=8 256 tokens'``."""
        settings = f" {self.settings}" if self.settings else ""
        dtype = "" if self.adapter_dtype == "fp32" else f" {self.adapter_dtype} adapters"
        gpus = "" if (self.parallel, self.num_gpus) == ("none", 1) else f" {self.parallel} x{self.num_gpus}"
        return f"{self.model} {self.method_label}{settings}{dtype}{gpus} {self.seq_len} tokens"

    @property
    def method_label(self) -> str:
        """The method with its size: ``'qlora r=8'``, ``'ladder 1/8'``, ``'full'``."""
        if self.rank:
            return f"{self.method} r={self.rank}"
        # A width that is set decides, whatever the reduction.
        reduction = None if "side_width=" in self.settings else self.reduction_factor
        return f"{self.method} 1/{reduction}" if reduction else self.method


# Made once, since ledgers of many cells ask for every id.
_CELL_FIELDS = tuple(field.name for field in dataclasses.fields(Cell))
_cell_values = operator.attrgetter(*_CELL_FIELDS)
_canonical_json = json.JSONEncoder(sort_keys=True).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Peak memory in bytes; ``None`` where the meter cannot see that quantity.

    Allocated and reserved are the peaks of one training step, RSS is that of the process in its whole life.
    ``breakdown_bytes`` splits ``peak_allocated_bytes`` at the moment of the peak and sums to it exactly.
    ``saved_for_backward_bytes`` is what the first forward pass of the step leaves in memory for its backward pass:
    activations, logits and loss, whoever holds them.
    """

    peak_allocated_bytes: int
    peak_reserved_bytes: int | None
    peak_rss_bytes: int | None
    breakdown_bytes: dict[str, int]
    saved_for_backward_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankMemory:
    """Peak memory of one rank of several in bytes, as in :class:`Memory`, and what it holds of the model's states.

    ``states_bytes`` are weights, quantization state, adapter weights, gradients and optimizer state by category, with
    the padding that their storages have: under FSDP a rank's part, else all.
    """

    rank: int
    peak_allocated_bytes: int
    peak_reserved_bytes: int | None
    states_bytes: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Where the bytes of a step are, by category and place (``ladderscope.memory.places``); kept on request alone.

    ``peak_at`` says what was running when the peak was reached, empty where the step begins at its peak. ``at_peak``
    sums to the breakdown without its ``rounding``, ``saved_for_backward`` to that of the memory.
    """

    peak_at: str
    at_peak: dict[str, dict[str, int]]
    saved_for_backward: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Peaks of one phase of a run, in bytes."""

    peak_allocated_bytes: int
    peak_reserved_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a predicted record says beside its memory, which is that of a steady step.

    ``phases`` are load, first step, steady step, evaluation, and generation where the cell has it. ``usable_bytes``
    is what the GPU leaves to PyTorch's allocator, ``outside_bytes`` what CUDA is estimated to take beside it.
    ``unverified`` names the rules behind the numbers that no recorded run has confirmed.
    """

    phases: dict[str, Phase]
    usable_bytes: int
    outside_bytes: int
    unverified: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """Numbers of parameters. ``total`` counts a 4-bit weight as one parameter, like any other."""

    trainable: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """Floating-point operations of one optimizer step on one GPU; ``by_component`` sums to ``per_step``."""

    per_step: int
    per_token: float
    by_component: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalLoss:
    """Mean cross-entropy in nats per trained token on the fixed held-out set."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """A model's answers to the items of a test set, item by item, so that methods can be compared on the same items.

    ``correct`` has a character for each item, in their order: ``1`` where the answer is right, else ``0``. ``tokens``
    has the number of tokens that were written for each; it is empty where the model chose between given answers.
    ``groups`` has a number for each item; items of one number belong together and are drawn together. It is empty
    where every item stands for itself. ``items`` is a digest of what was trained on and asked, where that is known.
    """

    correct: str
    tokens: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    items: str = ""

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return self.correct.count("1") / len(self.correct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The result of a cell under one meter. Parts that were not reached are ``None`` or empty.

    ``weights`` is ``pretrained`` or ``random``: a loss on random weights says nothing about a method.
    ``loss`` and ``step_seconds`` have one entry per optimizer step, in nats per trained token and seconds.
    ``answers`` are those of the trained model, by the name of the test set; only studies ask for them.
    ``ranks`` are those of a cell on several GPUs; ``memory`` is then that of the first rank with the highest peak.
    """

    cell: Cell
    meter: str
    status: Status
    gpu: str | None = None
    error: str | None = None
    weights: str | None = None
    memory: Memory | None = None
    ranks: list[RankMemory] = field(default_factory=list)
    forecast: Forecast | None = None
    details: Details | None = None
    params: Params | None = None
    flops: Flops | None = None
    loss: list[float] = field(default_factory=list)
    eval_loss: EvalLoss | None = None
    answers: dict[str, Answers] = field(default_factory=dict)
    step_seconds: list[float] = field(default_factory=list)
    tokens_per_step: int | None = None
    env: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def key(self) -> RecordKey:
        """What a ledger holds at most one valid record of: cell, meter and GPU."""
        return (self.cell.cell_id, self.meter, self.gpu)

    @property
    def seconds_per_step(self) -> float | None:
        """Median seconds of a step, the first (which warms caches up) left out where there are others."""
        steady = self.step_seconds[1:] or self.step_seconds
        return statistics.median(steady) if steady else None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens that went through the model per second, at the median step."""
        seconds = self.seconds_per_step
        return self.tokens_per_step / seconds if seconds and self.tokens_per_step else None

    def to_json(self) -> dict[str, Any]:
        """The record as JSON values, with ``cell_id`` beside the cell."""
        values = {**dataclasses.asdict(self), "cell": self.cell.to_json()}
        for name in ("forecast", "details", "answers", "ranks"):
            if not values[name]:
                del values[name]
        for answers in values.get("answers", {}).values():
            for name in _NEWER_ANSWERS_FIELDS:
                if not answers[name]:
                    del answers[name]
        if values["memory"] is not None and values["memory"]["saved_for_backward_bytes"] is None:
            del values["memory"]["saved_for_backward_bytes"]
        return {"schema_version": values.pop("schema_version"), "cell_id": self.cell.cell_id, **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The record that :meth:`to_json` wrote.

        Raises:
            LedgerError: the record comes from a newer schema, or a field is missing, unknown or impossible.
        """
        version = values.get("schema_version")
        if not isinstance(version, int):
            raise LedgerError("it has no schema_version, so it is not a ladderscope record")
        if version > SCHEMA_VERSION:
            raise LedgerError(
                f"it has schema version {version} and this ladderscope reads up to {SCHEMA_VERSION}: "
                "upgrade ladderscope to read it"
            )
        try:
            return cls(**_parsed_parts(cls, values))
        except (TypeError, KeyError, AttributeError, UnknownNameError) as error:
            raise LedgerError(f"it is not a complete record ({error})") from error


_PARTS = {
    "cell": Cell,
    "memory": Memory,
    "details": Details,
    "params": Params,
    "flops": Flops,
    "eval_loss": EvalLoss,
}


def _parsed_parts(cls: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    known = dict(values)
    known.pop("cell_id", None)
    _check_fields(cls, known, "record field")
    for name, part in _PARTS.items():
        if (fields := known.get(name)) is not None:
            known[name] = _part(part, fields, name)
    if (forecast := known.get("forecast")) is not None:
        phases = {name: Phase(**phase) for name, phase in forecast["phases"].items()}
        known["forecast"] = _part(Forecast, {**forecast, "phases": phases}, "forecast")
    if "answers" in known:
        known["answers"] = {name: _part(Answers, one, "answers") for name, one in known["answers"].items()}
    if "ranks" in known:
        known["ranks"] = [_part(RankMemory, one, "ranks") for one in known["ranks"]]
    if known["status"] not in STATUSES:
        raise UnknownNameError("status", known["status"], STATUSES)
    return known


def _part(cls: type[Any], values: Mapping[str, Any], name: str) -> Any:
    _check_fields(cls, values, f"{name} field")
    return cls(**values)


def _check_fields(cls: type[Any], values: Mapping[str, Any], kind: str) -> None:
    names = cls.__dataclass_fields__.keys()
    if not values.keys() <= names:
        raise UnknownNameError(kind, next(name for name in values if name not in names), names)
