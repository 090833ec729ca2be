"""One point of a grid."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ladderscope.records.fields import check_fields

_NEWER_FIELDS = {"settings": "", "generate": 0, "adapter_dtype": "fp32", "parallel": "none", "num_gpus": 1}
"""Of a cell, added since the first ledgers were written: what older cells stand for."""
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
        check_fields(cls, values, "cell setting")
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
        gpus = f" {self.gpus_label}" if self.gpus_label else ""
        return f"{self.model} {self.method_label}{settings}{dtype}{gpus} {self.seq_len} tokens"

    @property
    def gpus_label(self) -> str:
        """How several GPUs share the training: ``'fsdp x8'``; empty for one."""
        return "" if (self.parallel, self.num_gpus) == ("none", 1) else f"{self.parallel} x{self.num_gpus}"

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
