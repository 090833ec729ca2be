"""Sequence classification: the head behind the side network is trained, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel, TaskType, get_peft_model
from torch import Tensor
from transformers import AutoModelForSequenceClassification

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

CONFIGS: list[Any] = [LSTConfig, QSTConfig, LadderConfig, XLadderConfig]
PAIRS = [(LadderConfig, name) for name in ("llama", "gpt2", "opt", "qwen2")] + [(c, "llama") for c in CONFIGS[:2]]


@pytest.mark.parametrize(("make_config", "model_type"), [*PAIRS, (XLadderConfig, "llama")])
def test_learns_and_predicts_the_same_after_a_reload(
    make_config: Any, model_type: str, backbone: Callable[..., Any], token_ids: Tensor, tmp_path: Path
) -> None:
    def classifier() -> Any:
        return backbone(model_type, AutoModelForSequenceClassification, num_labels=3)

    ids, labels = token_ids.view(4, 8), torch.tensor([0, 1, 2, 1])
    ids[0, 6:] = 0  # padding: the class is read from the last token before it
    mask = (ids != 0).long()
    untrained = classifier().score.weight
    torch.manual_seed(1)
    model = get_peft_model(classifier(), make_config(reduction_factor=2, task_type=TaskType.SEQ_CLS))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(10):
        loss = model.train()(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0] - 0.05
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(classifier(), tmp_path)
    with torch.no_grad():
        expected = model.eval()(input_ids=ids, attention_mask=mask).logits
        assert torch.equal(loaded(input_ids=ids, attention_mask=mask).logits, expected)
    scores = [p for name, p in loaded.named_parameters() if "score" in name and "modules_to_save" in name]
    assert len(scores) == 1
    assert not torch.equal(scores[0], untrained)
