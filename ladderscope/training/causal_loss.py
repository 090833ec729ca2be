"""The loss of a causal language model without its logits, for any transformers or PEFT model."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ladderscope.errors import UsageError
from ladderscope.training.batches import IGNORED
from ladderscope.training.chunked_cross_entropy import CHUNK_TOKENS, linear_cross_entropy_in_chunks
from ladderscope.training.logit_rule import checked_rule


def chunked_causal_lm_loss(
    model: Any,
    input_ids: Tensor,
    labels: Tensor,
    num_items_in_batch: Tensor | int | None = None,
    attention_mask: Tensor | None = None,
    *,
    chunk_tokens: int = CHUNK_TOKENS,
    **kwargs: Any,
) -> Tensor:
    """What ``model(input_ids, labels=labels).loss`` gives, with the logits of ``chunk_tokens`` tokens at a time.

    Made to be returned from ``compute_loss`` of a Trainer's subclass::

        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            return chunked_causal_lm_loss(model, num_items_in_batch=num_items_in_batch, **inputs)

    The first call sends a few tokens through the model, to make sure that this is the model's own loss.

    Args:
        model: a causal language model of transformers, or a PEFT model around one.
        input_ids: (B, T).
        labels: (B, T), ``-100`` where there is no loss; shifted here, as transformers does.
        num_items_in_batch: what the sum of the losses is divided by; None for the number of trained tokens.
        attention_mask: for the decoder, as any further keyword argument.
        chunk_tokens: how many tokens have their logits in memory at a time.
        kwargs: for the decoder, such as ``position_ids``.

    Returns:
        A scalar in nats per token. 0, where transformers gives NaN, if no token has a label.

    Raises:
        UsageError: a model whose loss is more than the cross-entropy of its head's logits, or that cannot be run
            without its wrapper (prompt learning, DistributedDataParallel).
    """
    base = _base_model(model)
    rule = checked_rule(base, input_ids)
    hidden = base.get_decoder()(
        input_ids=input_ids, attention_mask=attention_mask, use_cache=False, **kwargs
    ).last_hidden_state
    # Labels are shifted, not hidden states: a slice of those would be copied.
    labels = nn.functional.pad(labels, (0, 1), value=IGNORED)[:, 1:].flatten()
    total = linear_cross_entropy_in_chunks(
        hidden.flatten(0, 1),
        base.get_output_embeddings(),
        labels,
        chunk_tokens=chunk_tokens,
        scale=rule.scale,
        softcap=rule.softcap,
        ignore_index=IGNORED,
    )
    if num_items_in_batch is None:
        num_items_in_batch = (labels != IGNORED).sum().clamp_min(1)
    if isinstance(num_items_in_batch, Tensor):
        num_items_in_batch = num_items_in_batch.to(total.device)
    return total / num_items_in_batch


def _base_model(model: Any) -> Any:
    """The transformers model, if its decoder and head alone make its loss."""
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        raise UsageError(
            f"the chunked loss calls parts of the model, which {type(model).__name__} does not notice: "
            "use the full loss with it."
        )
    if hasattr(model, "get_base_model"):
        if getattr(model.active_peft_config, "is_prompt_learning", False):
            raise UsageError(
                "the chunked loss cannot add the prompts of a prompt-learning adapter: use the full loss."
            )
        model = model.get_base_model()
    config = model.config.get_text_config()
    if getattr(model.config, "is_encoder_decoder", False) or model.get_output_embeddings() is None:
        raise UsageError(f"{type(model).__name__} is no causal language model with an output head: use the full loss.")
    if getattr(config, "output_router_logits", False):
        raise UsageError(
            f"{type(model).__name__} adds a loss of its router, which the chunked loss does not compute: "
            "set output_router_logits=False in its config, or use the full loss."
        )
    return model
