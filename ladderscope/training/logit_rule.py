"""What a causal language model does to its head's product before the loss: some scale it, some cap it.

Configs name their factors in several ways, and no list of names is ever complete. So the rule read from a config is
compared once with the model itself, logits and loss, on a few tokens; a model that does something else is refused,
never trained wrongly.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

from ladderscope.errors import UsageError
from ladderscope.torch_internals import is_on_meta


@dataclass(frozen=True)
class LogitRule:
    """``logits = softcap * tanh(head(hidden) * scale / softcap)``; no cap where ``softcap`` is None."""

    scale: float = 1.0
    softcap: float | None = None

    def apply(self, product: Tensor) -> Tensor:
        """Logits in fp32 from what the head gave."""
        logits = product.float() * self.scale
        return logits if self.softcap is None else torch.tanh(logits / self.softcap) * self.softcap


# Cohere; Falcon-H1; Muse
_FACTORS = ("logit_scale", "lm_head_multiplier", "output_multiplier")
# Gemma, NanoChat and others; RecurrentGemma; xLSTM
_CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")


def logit_rule(config: Any) -> LogitRule:
    """The rule that a model's text config names; :func:`checked_rule` compares it with the model."""
    scale = math.prod(_number(config, name) or 1.0 for name in _FACTORS)
    scaling = _number(config, "logits_scaling") or 1.0
    # Granite and MiniCPM 3 divide by a factor of this name, HyperCLOVA X multiplies with it.
    scale *= scaling if config.model_type.startswith("hyperclovax") else 1 / scaling
    return LogitRule(scale, next((cap for cap in (_number(config, name) for name in _CAPS) if cap), None))


def _number(config: Any, name: str) -> float | None:
    value = getattr(config, name, None)
    return float(value) if isinstance(value, int | float) else None


def checked_rule(base: Any, input_ids: Tensor) -> LogitRule:
    """The rule of a causal language model, after a comparison with the model's own logits and loss at the first call.

    Args:
        base: a transformers model with decoder and output head, not wrapped.
        input_ids: (B, T), a few tokens of which go through the model once; without data nothing is compared.

    Raises:
        UsageError: the model makes its logits or its loss in a way that the rule does not describe.
    """
    rule, head = logit_rule(base.config.get_text_config()), base.get_output_embeddings()
    comparable = type(input_ids) is Tensor and not is_on_meta(input_ids) and input_ids.shape[-1] > 1
    known = _checked.get(base)
    if comparable and (known is None or known() is not head):
        _compare(base, head, rule, input_ids[:1, :_TOKENS])
        _checked[base] = weakref.ref(head)
    return rule


_checked: weakref.WeakKeyDictionary[nn.Module, weakref.ref[nn.Module]] = weakref.WeakKeyDictionary()
_TOKENS = 4
_LARGE = 30.0


def _compare(base: Any, head: nn.Module, rule: LogitRule, input_ids: Tensor) -> None:
    products: list[Tensor] = []

    def enlarge(decoder: nn.Module, args: Any, output: Any) -> Any:
        # Caps show on large logits only, and those of random weights are small.
        hidden = output.last_hidden_state
        size = head(hidden).float().std()
        hidden = hidden * torch.where(size > 0, _LARGE / size, 1.0).to(hidden.dtype)
        output.last_hidden_state = hidden
        products.append(head(hidden))
        return output

    hook = base.get_decoder().register_forward_hook(enlarge)
    try:
        with _unnoticed(head, input_ids.device):
            output = base(input_ids=input_ids, labels=input_ids, use_cache=False)
    finally:
        hook.remove()
    if not products or not _agree(output, products[-1], rule, input_ids):
        raise UsageError(
            f"{type(base).__name__} does something to its logits or its loss that the chunked loss does not know: "
            "use the full loss (--loss-impl full)."
        )


def _agree(output: Any, product: Tensor, rule: LogitRule, input_ids: Tensor) -> bool:
    if output.logits.shape != product.shape:
        return False
    logits = rule.apply(product)
    loss = nn.functional.cross_entropy(logits[0, :-1], input_ids[0, 1:].to(logits.device))
    # The model scales and caps in the dtype of the product, the rule does in fp32.
    tolerance = max(4 * torch.finfo(product.dtype).eps, 1e-4)
    difference = torch.linalg.vector_norm(output.logits.float() - logits)
    return bool(difference <= tolerance * torch.linalg.vector_norm(logits)) and bool(
        (output.loss - loss).abs() <= tolerance * logits.abs().max()
    )


@contextmanager
def _unnoticed(head: nn.Module, device: torch.device) -> Iterator[None]:
    """No gradient, no count of FLOPs, no step of the random number generators, no trace in autocast's cache.

    And no dropout in the head, which runs more than once. Its other modules keep their mode: bitsandbytes repacks
    4-bit weights on CPUs for good when a layer first runs outside of training.
    """
    cached = torch.is_autocast_cache_enabled()
    devices = [device] if device.type == "cuda" else []
    training = [module for module in head.modules() if isinstance(module, nn.Dropout) and module.training]
    torch.set_autocast_cache_enabled(False)
    for module in training:
        module.training = False
    try:
        with torch.no_grad(), _disable_current_modes(), torch.random.fork_rng(devices=devices):
            yield
    finally:
        torch.set_autocast_cache_enabled(cached)
        for module in training:
            module.training = True
