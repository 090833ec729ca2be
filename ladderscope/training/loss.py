"""The training loss: mean cross-entropy over the tokens that have a label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ladderscope.training.batches import IGNORED, Batch

LossFunction = Callable[[Any, Batch], Tensor]
"""Sum of the token losses of a batch (a scalar, in nats)."""

CHUNK_TOKENS = 256


def full_loss(model: Any, batch: Batch) -> Tensor:
    """The model's own loss: logits of the whole batch at once, turned to fp32, as Trainer computes it."""
    output = model(input_ids=batch.input_ids, labels=batch.labels, use_cache=False, num_items_in_batch=1)
    loss: Tensor = output.loss
    return loss


def chunked_loss(model: Any, batch: Batch) -> Tensor:
    """The same value with the logits of at most ``CHUNK_TOKENS`` tokens at a time, in backward too.

    Head and cross-entropy of a chunk are computed again in backward instead of being kept.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    hidden = base.get_decoder()(input_ids=batch.input_ids, use_cache=False).last_hidden_state
    hidden, labels = hidden[:, :-1].flatten(0, 1), batch.labels[:, 1:].flatten()
    chunks = zip(hidden.split(CHUNK_TOKENS), labels.split(CHUNK_TOKENS), strict=True)
    losses = [checkpoint(_head_loss, base, *chunk, use_reentrant=False) for chunk in chunks]
    return torch.stack(losses).sum()


def _head_loss(base: Any, hidden: Tensor, labels: Tensor) -> Tensor:
    config = base.config.get_text_config()
    # Cohere multiplies its logits, Granite divides them, Gemma 2 caps them.
    scale = getattr(config, "logit_scale", 1.0) / getattr(config, "logits_scaling", 1.0)
    logits = (base.get_output_embeddings()(hidden) * scale).float()
    cap = getattr(config, "final_logit_softcapping", None)
    if cap is not None:
        logits = torch.tanh(logits / cap) * cap
    return nn.functional.cross_entropy(logits, labels, ignore_index=IGNORED, reduction="sum")


LOSS_FUNCTIONS: dict[str, LossFunction] = {"full": full_loss, "chunked": chunked_loss}
