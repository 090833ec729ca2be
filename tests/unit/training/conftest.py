"""Files of training data, and a tokenizer that needs no network: one token per byte, so that tests can count."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{% for message in messages %}[{{ message.role }}]{{ message.content }}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tensors are tiny here: on a busy machine, threads would spend their time waiting for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    vocabulary = {byte: index for index, byte in enumerate(sorted(ByteLevel.alphabet()))}
    backend = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>", chat_template=CHAT_TEMPLATE
    )


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., str]:
    def write(*examples: dict[str, Any]) -> str:
        path = tmp_path / "examples.jsonl"
        path.write_text("\n".join(map(json.dumps, examples)), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def write_text(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        path = tmp_path / "text.txt"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write
