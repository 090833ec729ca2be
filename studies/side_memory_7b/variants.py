"""What is compared, and the bounds it is held against. A new variant is one entry in ``VARIANTS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from peft import LoraConfig, TaskType, get_peft_model

from ladderscope.methods.side import LadderConfig
from ladderscope.records import Cell
from ladderscope.training.batches import training_batches
from ladderscope.training.loop import TrainingLoop

WEIGHTS_BOUND_GIB = 3.93


@dataclass(frozen=True)
class Variant:
    """A method with its settings; ``bounds_gib`` is the peak that it should stay under, by tokens."""

    name: str
    config: Callable[[], Any]
    loss: str = "full"
    checkpointing: bool = False
    bounds_gib: dict[int, float] = field(default_factory=dict)


def _qlora() -> Any:
    return LoraConfig(r=16, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear")


def _ladder(**settings: Any) -> Callable[[], Any]:
    return lambda: LadderConfig(reduction_factor=16, **settings)


POOLED_BOUNDS = {2048: 5.0, 8192: 7.9, 16384: 11.7}
VARIANTS = (
    Variant("qlora r=16", _qlora, bounds_gib={2048: 21.9, 8192: 74.8}),
    Variant("qlora r=16, checkpointed", _qlora, checkpointing=True, bounds_gib={2048: 5.7, 8192: 9.9, 16384: 15.4}),
    Variant("qlora r=16, checkpointed, chunked loss", _qlora, "chunked", checkpointing=True),
    Variant("ladder, linear taps", _ladder(downsample="linear"), "chunked", bounds_gib={2048: 5.7, 8192: 10.0}),
    Variant("ladder, frozen taps", _ladder(downsample="frozen"), "chunked", bounds_gib=POOLED_BOUNDS),
    Variant("ladder, pooled taps", _ladder(downsample="avg-pool"), "chunked", bounds_gib=POOLED_BOUNDS),
    Variant(
        "ladder, lean",
        LadderConfig.lean,
        "chunked",
        bounds_gib={2048: 4.4, 8192: 5.3, 16384: 6.5},
    ),
)


def attach(backbone: Any, variant: Variant, adapter_dtype: torch.dtype) -> Any:
    """The backbone with the variant's adapter on it, through PEFT.

    PEFT turns 16-bit adapters to fp32 unless it is told not to (``autocast_adapter_dtype=False``). That alone does
    for side networks; LoRA weights on 4-bit layers start in fp32 either way and are cast here.
    """
    config = variant.config()
    config.task_type = TaskType.CAUSAL_LM
    model = get_peft_model(backbone, config, autocast_adapter_dtype=adapter_dtype == torch.float32)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(adapter_dtype)
    return model


def make_loop(model: Any, variant: Variant, tokens: int, batch_size: int = 1) -> TrainingLoop:
    """The package's training loop over random token ids, with AdamW."""
    cell = Cell(
        model="meta",
        method="variant",  # built already: the loop does not ask
        seq_len=tokens,
        batch_size=batch_size,
        loss_impl=variant.loss,
        gradient_checkpointing=variant.checkpointing,
        data="random",
    )
    return TrainingLoop(model, cell, training_batches(cell, None, model.config.vocab_size, torch.device("cuda")), [])
