"""What a trained model writes, token by token, and whether its answers are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ladderscope.records import Answers

_AT_A_TIME = 256


@torch.no_grad()
def written(model: Any, tokenizer: Any, prompts: Sequence[str], most: int) -> list[list[str]]:
    """The tokens that greedy decoding writes after each prompt, up to and with the end, or ``most`` of them.

    Args:
        model: on any device.
        tokenizer: of the model.
        prompts: all with the same number of tokens, so that nothing is padded.
        most: tokens.
    """
    device = next(model.parameters()).device
    found: list[list[str]] = []
    for start in range(0, len(prompts), _AT_A_TIME):
        ids = tokenizer(list(prompts[start : start + _AT_A_TIME]), return_tensors="pt")["input_ids"].to(device)
        made = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=most,
            do_sample=False,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        found += [_up_to_end(row, tokenizer) for row in made[:, ids.shape[1] :].tolist()]
    return found


def marked(rows: Sequence[Sequence[str]], given: Sequence[str | None], wanted: Sequence[int]) -> Answers:
    """Which answers are right, and how many tokens were written for each."""
    correct = "".join("1" if answer == str(right) else "0" for answer, right in zip(given, wanted, strict=True))
    return Answers(correct=correct, tokens=[len(row) for row in rows])


def _up_to_end(ids: list[int], tokenizer: Any) -> list[str]:
    end = tokenizer.eos_token_id
    kept = ids[: ids.index(end) + 1] if end in ids else ids
    return list(tokenizer.convert_ids_to_tokens(kept))
