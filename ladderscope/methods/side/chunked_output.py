"""The output of a model whose loss is computed in chunks: a loss and no logits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

_NEED_THE_MODELS_OWN = (
    "inputs_embeds",
    "output_hidden_states",
    "output_attentions",
    "output_router_logits",
    "logits_to_keep",
    "past_key_values",
    "fused_lm_head",  # TRL, which has a chunked loss of its own
)


def can_chunk_loss(kwargs: Mapping[str, Any]) -> bool:
    """Whether a forward call asks for a loss, and for nothing that needs more than the last hidden state."""
    given = {name for name, value in kwargs.items() if value is not None and value is not False}
    return {"input_ids", "labels"} <= given and given.isdisjoint(_NEED_THE_MODELS_OWN)


def chunked_loss_output(model: nn.Module, kwargs: Mapping[str, Any]) -> Any:
    """What ``model(**kwargs)`` gives, without logits."""
    from transformers.modeling_outputs import CausalLMOutputWithPast

    from ladderscope.training.causal_loss import chunked_causal_lm_loss

    decided_here = ("use_cache", "return_dict", *_NEED_THE_MODELS_OWN)
    inputs = {name: value for name, value in kwargs.items() if name not in decided_here}
    output = CausalLMOutputWithPast(loss=chunked_causal_lm_loss(model, **inputs))
    return output.to_tuple() if kwargs.get("return_dict") is False else output
