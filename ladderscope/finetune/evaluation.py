"""The evaluation loss."""

from __future__ import annotations

from typing import Any

import torch

from ladderscope.training.batches import Batch
from ladderscope.training.loss import LOSS_FUNCTIONS, LossFunction


@torch.no_grad()
def evaluation_loss(model: Any, batches: list[Batch], loss_function: LossFunction = LOSS_FUNCTIONS["full"]) -> float:
    """Mean loss in nats per trained token of ``batches``, in inference mode; the model is left in the mode it was in.

    Args:
        model: a causal language model.
        batches: on the model's device.
        loss_function: gives the sum of a batch's token losses.
    """
    training = model.training
    model.eval()
    try:
        total = sum(loss_function(model, batch).item() for batch in batches)
    finally:
        model.train(training)
    return total / sum(batch.num_trained_tokens for batch in batches)
