"""The shapes that an example has in files and data sets. A new one is one entry of ``_LAYOUTS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Example:
    """A text to learn: the loss is on ``completion``, given ``prompt``. ``messages`` replaces both for chats."""

    completion: str
    prompt: str = ""
    messages: tuple[dict[str, str], ...] = ()


KNOWN_LAYOUTS = "prompt and completion, question and answer, instruction, input and output, messages, or text"


def read_example(values: Any) -> Example | None:
    """The example in one JSON object or one row of a data set; None where it has no known shape."""
    if not isinstance(values, Mapping):
        return None
    for read in _LAYOUTS:
        example = read(values)
        if example is not None:
            return example
    return None


def _prompt_and_completion(values: Mapping[str, Any]) -> Example | None:
    prompt = values.get("prompt", "")
    if isinstance(values.get("completion"), str) and isinstance(prompt, str):
        return Example(prompt=prompt, completion=values["completion"])
    return None


def _messages(values: Mapping[str, Any]) -> Example | None:
    messages = values.get("messages")
    if (
        isinstance(messages, list)
        and len(messages) > 1
        and all(_is_message(message) for message in messages)
        and messages[-1]["role"] == "assistant"
    ):
        return Example(completion=messages[-1]["content"], messages=tuple(messages))
    return None


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and isinstance(value.get("content"), str)


def _question_and_answer(values: Mapping[str, Any]) -> Example | None:
    question, answer = values.get("question"), values.get("answer")
    if isinstance(question, str) and isinstance(answer, str):
        return Example(prompt=question + "\n", completion=answer)
    return None


def _instruction_and_output(values: Mapping[str, Any]) -> Example | None:
    instruction, given, output = values.get("instruction"), values.get("input"), values.get("output")
    if not isinstance(instruction, str) or not isinstance(output, str):
        return None
    # Alpaca leaves the input empty, others leave it out, where the instruction says everything.
    parts = [instruction, given] if isinstance(given, str) and given else [instruction]
    return Example(prompt="\n\n".join(parts) + "\n", completion=output)


def _text(values: Mapping[str, Any]) -> Example | None:
    return Example(completion=values["text"]) if isinstance(values.get("text"), str) else None


_LAYOUTS: tuple[Callable[[Mapping[str, Any]], Example | None], ...] = (
    _prompt_and_completion,
    _messages,
    _question_and_answer,
    _instruction_and_output,
    _text,
)
