from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from ladderscope.measure import prepare_loop
from ladderscope.records import Cell
from ladderscope.studies.answering.items import Item
from ladderscope.studies.pretrained.corpus import prepare_tokenizer
from ladderscope.training.batches import Batch

WORDS = "Review: it was good .\nSentiment: positive and bad, Sentiment: negative ? yes no #### = 12 + 34 - 56 = 78 90 "

BATCH = Batch(torch.arange(3, 131)[None], torch.arange(3, 131)[None])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model and its tokenizer, in which " positive" and " negative" are one token each."""
    folder = tmp_path_factory.mktemp("tiny")
    text = folder / "text.txt"
    text.write_text(WORDS * 50)
    tokenizer = AutoTokenizer.from_pretrained(prepare_tokenizer(folder, text, 340))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=256,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return folder / "model"


@pytest.fixture(scope="session")
def tokenizer(tiny: Path) -> Any:
    return AutoTokenizer.from_pretrained(tiny)


@pytest.fixture
def cell(tiny: Path) -> Callable[..., Cell]:
    def make(method: str, **values: Any) -> Cell:
        is_side = method not in ("lora", "full")
        size = {"reduction_factor": 4} if is_side else {"rank": 4} if method == "lora" else {}
        return Cell(**{"model": str(tiny), "method": method, "dtype": "fp32", **size, **values})

    return make


@pytest.fixture
def shaken(cell: Callable[..., Cell]) -> Callable[[str], Any]:
    """A tuned model of a method whose trained weights are not at their start any more."""

    def make(method: str) -> Any:
        _, loop = prepare_loop(cell(method), torch.device("cpu"), lambda b: [], lambda b: iter([BATCH] * 40))
        torch.manual_seed(1)
        with torch.no_grad():
            for parameter in loop.model.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.3 * torch.randn_like(parameter))
        return loop.model.eval()

    return make


@pytest.fixture
def reviews() -> list[Item]:
    """Whose label a word decides."""
    return [
        Item(f"Review: it was {word} {number}\nSentiment:", label)
        for number in range(10, 18)
        for word, label in (("good", " positive"), ("bad", " negative"))
    ]
