"""What a model writes is read up to its end, and marked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from ladderscope.methods import get_method
from ladderscope.records import Cell


@pytest.fixture
def answering(study: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(study.folder))
    import importlib

    return importlib.import_module("answering")


class Words:
    """A tokenizer of the numbers from 0 to 31, of which 0 ends a text."""

    eos_token_id = pad_token_id = 0

    def __call__(self, texts: list[str], return_tensors: str) -> dict[str, Any]:
        return {"input_ids": torch.tensor([list(map(int, text.split())) for text in texts])}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return list(map(str, ids))


def test_answers_are_marked_item_by_item(answering: Any) -> None:
    found = answering.marked([["A", "+1", "5", ";"], ["A"], [";"]], ["5", None, "3"], [5, 5, 5])
    assert found.correct == "100"
    assert found.tokens == [4, 1, 1]


def test_a_text_ends_with_its_first_end(answering: Any) -> None:
    model = SimpleNamespace(
        parameters=lambda: iter([torch.zeros(1)]),
        generate=lambda input_ids, **_: torch.cat([input_ids, torch.tensor([[5, 0, 0], [6, 7, 8]])], dim=1),
    )
    assert answering.written(model, Words(), ["1 2", "3 4"], 3) == [["5", "0"], ["6", "7", "8"]]


@pytest.mark.parametrize("method", ["ladder", "xladder"])
def test_greedy_decoding_takes_what_the_whole_text_makes_likeliest(answering: Any, method: str) -> None:
    """With the side network's own keys and values cached, as without any cache."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=32, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, eos_token_id=0
    )
    cell = Cell(model="m", method=method, reduction_factor=2, settings="init=xavier downsample=linear", dtype="fp32")
    model: Any = get_method(method).build(LlamaForCausalLM(config), cell)
    for parameter in model.parameters():
        if parameter.requires_grad and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    model.eval()
    (row,) = answering.written(model, Words(), ["3 1 4 1 5"], 6)
    tokens = [3, 1, 4, 1, 5]
    for found in map(int, row):
        with torch.no_grad():
            assert found == int(model(input_ids=torch.tensor([tokens])).logits[0, -1].argmax())
        tokens.append(found)
