"""The training loss: mean cross-entropy over the tokens that have a label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ladderscope.training.batches import Batch
from ladderscope.training.causal_loss import chunked_causal_lm_loss
from ladderscope.training.chunked_cross_entropy import CHUNK_TOKENS

LossFunction = Callable[[Any, Batch], Tensor]
"""Sum of the token losses of a batch (a scalar, in nats)."""


def full_loss(model: Any, batch: Batch) -> Tensor:
    """The model's own loss: logits of the whole batch at once, turned to fp32, as Trainer computes it."""
    output = model(**batch.inputs, use_cache=False, num_items_in_batch=1)
    loss: Tensor = output.loss
    return loss


def chunked_loss(model: Any, batch: Batch) -> Tensor:
    """The same value with the logits of at most ``CHUNK_TOKENS`` tokens at a time, in backward too.

    Raises:
        UsageError: a model whose loss is more than the cross-entropy of its head's logits.
    """
    return chunked_causal_lm_loss(model, batch.input_ids, batch.labels, 1, batch.attention_mask)


LOSS_FUNCTIONS: dict[str, LossFunction] = {"full": full_loss, "chunked": chunked_loss}

__all__ = ["CHUNK_TOKENS", "LOSS_FUNCTIONS", "LossFunction", "chunked_loss", "full_loss"]
