"""The optimizers by name. A new one is one entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

OPTIMIZERS = ("adamw", "adamw-fused", "adamw-8bit", "paged-adamw-8bit")
NEEDS_CUDA = ("paged-adamw-8bit",)

_WEIGHT_DECAY = 0.0


def make_optimizer(name: str, parameters: Iterable[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    """AdamW with beta 0.9 and 0.999, no weight decay, and a constant learning rate, in one of its implementations."""
    makers: dict[str, Callable[..., Any]] = {
        "adamw": torch.optim.AdamW,
        "adamw-fused": lambda *args, **kwargs: torch.optim.AdamW(*args, **kwargs, fused=True),
        "adamw-8bit": _bitsandbytes("AdamW8bit"),
        "paged-adamw-8bit": _bitsandbytes("PagedAdamW8bit"),
    }
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    optimizer: torch.optim.Optimizer = makers[name](trained, lr=lr, weight_decay=_WEIGHT_DECAY)
    return optimizer


def _bitsandbytes(name: str) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        import bitsandbytes as bnb

        return getattr(bnb.optim, name)(*args, **kwargs)

    return make
