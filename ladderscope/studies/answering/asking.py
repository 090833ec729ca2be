"""Asks a model the items of a test set."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from ladderscope.records import Answers
from ladderscope.studies.answering.generators import MARKER
from ladderscope.studies.answering.items import Item, Task
from ladderscope.studies.answering.rows import device_of, grouped, padded, padded_left, row_of

_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
_ROWS_AT_A_TIME = 75
"""That are written at once: every pass unpacks all 4-bit weights, however many rows it has."""


@torch.no_grad()
def ask(task: Task, items: Sequence[Item], model: Any, tokenizer: Any) -> Answers:
    """The answers of a model in evaluation mode, in the order of the items."""
    if task.way == "choice":
        return _choose(items, task.choices, model, tokenizer)
    if task.way == "exact":
        return _exact(items, model, tokenizer)
    return _write(items, task.new_tokens, model, tokenizer)


def _choose(items: Sequence[Item], choices: Sequence[str], model: Any, tokenizer: Any) -> Answers:
    """Right where the completion is the most probable one of the choices.

    Raises:
        ValueError: a choice of several tokens, whose probabilities would have to be multiplied.
    """
    labels = [_ids(choice, tokenizer) for choice in choices]
    if any(len(label) != 1 for label in labels):
        raise ValueError(f"the choices {', '.join(choices)} must be one token each, not {labels}")
    at_choices = torch.tensor([label[0] for label in labels], device=device_of(model))
    rows = [row_of(item, tokenizer) for item in items]
    right = [False] * len(items)
    for group in grouped([len(row.tokens) for row in rows]):
        some = [rows[place] for place in group]
        logits = _logits(some, model, tokenizer)
        ends = [len(row.tokens) - 3 for row in some]  # before the completion's token and the end of text
        best = logits[range(len(some)), ends][:, at_choices].argmax(-1).tolist()
        for place, choice in zip(group, best, strict=True):
            right[place] = items[place].completion == choices[choice]
    return Answers(correct=_bits(right))


def _exact(items: Sequence[Item], model: Any, tokenizer: Any) -> Answers:
    """Right where greedy decoding would write the completion, and then no further digit; in one pass over it."""
    rows = [row_of(item, tokenizer) for item in items]
    right = [False] * len(items)
    for group in grouped([len(row.tokens) for row in rows]):
        best = _logits([rows[place] for place in group], model, tokenizer).argmax(-1).tolist()
        for place, guessed in zip(group, best, strict=True):
            tokens, length = rows[place].tokens, len(_ids(items[place].completion, tokenizer))
            end = len(tokens) - 1  # of the completion; the end of text stands there
            is_written = guessed[end - length - 1 : end - 1] == tokens[end - length : end]
            right[place] = is_written and not tokenizer.decode([guessed[end - 1]])[:1].isdigit()
    return Answers(correct=_bits(right))


def _write(items: Sequence[Item], new_tokens: int, model: Any, tokenizer: Any) -> Answers:
    """Right where the text that greedy decoding writes comes to the answer; prompts are padded on the left."""
    prompts = [_ids(item.prompt, tokenizer) for item in items]
    right, lengths = [False] * len(items), [0] * len(items)
    for group in grouped([len(prompt) for prompt in prompts], _ROWS_AT_A_TIME):
        written = generated([prompts[place] for place in group], new_tokens, model, tokenizer)
        for place, tokens in zip(group, written, strict=True):
            lengths[place] = len(tokens)
            right[place] = comes_to(tokenizer.decode(tokens, skip_special_tokens=True), items[place].answer)
    return Answers(correct=_bits(right), tokens=lengths)


@torch.no_grad()
def generated(prompts: Sequence[Sequence[int]], new_tokens: int, model: Any, tokenizer: Any) -> list[list[int]]:
    """The tokens that follow each prompt up to the end of text, which is the last of them where it came."""
    end = tokenizer.eos_token_id
    ids, mask = padded_left(prompts, end, device_of(model))
    whole = model.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=new_tokens,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=end,
        pad_token_id=end,
    )
    written: list[list[int]] = whole[:, ids.shape[1] :].tolist()
    return [row[: row.index(end) + 1] if end in row else row for row in written]


def comes_to(text: str, answer: str) -> bool:
    """Whether the last number behind the last marker, or of all where there is none, equals the answer."""
    numbers = _NUMBER.findall(text.rsplit(MARKER, 1)[-1])
    return bool(numbers) and float(numbers[-1].replace(",", "")) == float(answer.replace(",", ""))


def _logits(rows: Sequence[Any], model: Any, tokenizer: Any) -> torch.Tensor:
    batch = padded(rows, max(len(row.tokens) for row in rows), tokenizer.pad_token_id, device_of(model))
    logits: torch.Tensor = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    return logits


def _ids(text: str, tokenizer: Any) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _bits(right: Sequence[bool]) -> str:
    return "".join("1" if one else "0" for one in right)
