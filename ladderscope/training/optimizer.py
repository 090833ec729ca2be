"""The optimizers by name. A new one is one entry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

OPTIMIZERS = ("adamw", "adamw-fused", "adamw-8bit", "paged-adamw-8bit")
NEEDS_CUDA = ("paged-adamw-8bit",)


def make_optimizer(
    name: str, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """AdamW with beta 0.9 and 0.999 in one of its implementations.

    Args:
        name: one of ``OPTIMIZERS``.
        parameters: those that require a gradient are trained.
        lr: learning rate.
        weight_decay: of matrices; biases, norms and gates are not drawn to zero.
    """
    makers: dict[str, Callable[..., Any]] = {
        "adamw": torch.optim.AdamW,
        "adamw-fused": lambda *args, **kwargs: torch.optim.AdamW(*args, **kwargs, fused=True),
        "adamw-8bit": _bitsandbytes("AdamW8bit"),
        "paged-adamw-8bit": _bitsandbytes("PagedAdamW8bit"),
    }
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    groups: list[Any] = trained
    if weight_decay:
        decayed = [[p for p in trained if (p.dim() > 1) is matrices] for matrices in (True, False)]
        decays = zip(decayed, (weight_decay, 0.0), strict=True)
        groups = [{"params": group, "weight_decay": decay} for group, decay in decays if group]
    optimizer: torch.optim.Optimizer = makers[name](groups, lr=lr, weight_decay=weight_decay)
    return optimizer


def _bitsandbytes(name: str) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        import bitsandbytes as bnb

        return getattr(bnb.optim, name)(*args, **kwargs)

    return make
