"""Generation of text with the tuned model, between steps of its training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


@torch.no_grad()
def generate(model: Any, prompt: Tensor, new_tokens: int, tick: Callable[[int], None] = lambda done: None) -> Tensor:
    """Greedy generation by transformers, with its key-value cache; no end of text ends it early.

    Args:
        model: of transformers or PEFT; it is left in evaluation mode.
        prompt: token ids (rows, tokens) without padding.
        new_tokens: that each row gets.
        tick: is told the number of passes through the model that are done, one for each new token.

    Returns:
        Token ids (rows, tokens + new_tokens), prompts included.
    """
    model.eval()
    done = 0

    def count(head: Any, args: Any, output: Any) -> None:
        nonlocal done
        done += 1
        tick(done)

    counting = model.get_output_embeddings().register_forward_hook(count)
    try:
        tokens: Tensor = model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=new_tokens,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=None,
            pad_token_id=0,
        )
    finally:
        counting.remove()
    return tokens
