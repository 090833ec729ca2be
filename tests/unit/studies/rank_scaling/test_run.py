"""A cell of the study through its own worker."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from ladderscope.records import Record
from ladderscope.studies.folder import Study
from ladderscope.studies.pretrained.corpus import prepare_tokenizer
from ladderscope.studies.trained.workers import train_all

EDGES = {("ladder", 16), ("ladder", 2)}


@pytest.mark.slow
def test_the_widest_and_the_narrowest_side_network_train_in_a_real_worker(
    study: Study, module: Callable[[str], Any], tmp_path: Path
) -> None:
    plan = module("plan")
    text = tmp_path / "text.txt"
    text.write_text("A farmer has twelve eggs and sells three of them. " * 500)
    tokenizer = AutoTokenizer.from_pretrained(prepare_tokenizer(tmp_path, text, 300))
    sizes = {"hidden_size": 64, "intermediate_size": 168, "num_hidden_layers": 2, "num_attention_heads": 2}
    folder = tmp_path / "tiny-1" / "64x2"
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)

    chosen = [one for one in plan.cells_of(plan.QUICK) if (one.method, one.reduction_factor) in EDGES]
    cells = [dataclasses.replace(one, model="tiny-1/64x2", steps=2) for one in chosen]
    records: list[Record] = []
    train_all(cells, study.folder / "worker.py", 1, tmp_path, records.append, threading.Event())
    assert [(one.status, one.error) for one in records] == [("ok", None)] * 2
    narrow, wide = (one.params.trainable for one in records if one.params)
    assert wide > 20 * narrow
