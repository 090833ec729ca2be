"""A cell of the study through its own worker."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from ladderscope.records import Record
from ladderscope.studies.answering.items import TEST, Item, write_items
from ladderscope.studies.folder import Study
from ladderscope.studies.pretrained.corpus import prepare_tokenizer
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.workers import train_all


@pytest.mark.slow
def test_a_cell_trains_on_its_task_and_answers_its_test(
    study: Study, module: Callable[[str], Any], tmp_path: Path
) -> None:
    """Real processes: the study's cell, on a tiny model."""
    plan = module("plan")
    text = tmp_path / "text.txt"
    text.write_text("12 + 34 - 56 = 78 90\n" * 200)
    tokenizer = AutoTokenizer.from_pretrained(prepare_tokenizer(tmp_path, text, 300))
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    items = [Item(f"{a} + {b} =", f" {a + b}", str(a + b)) for a in range(9) for b in range(5)]
    cell = plan.cell_of("chain", "ladder", plan.SAME_DATA, 0)
    (tmp_path / cell.data).parent.mkdir(parents=True)
    write_items(tmp_path / cell.data, items)
    write_items((tmp_path / cell.data).with_name(TEST), items[:10])
    tiny = dataclasses.replace(cell, model="./model", steps=2)
    records: list[Record] = []
    train_all([tiny], study.folder / "worker.py", 1, tmp_path, records.append, threading.Event())
    (record,) = records
    assert record.status == "ok", record.error
    assert len(record.loss) == 2
    assert len(record.answers["chain"].correct) == 10
    assert record.answers["chain"].items
    assert record.flops is not None


def test_what_takes_long_is_said_before_anything_is_made(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = study.own_run
    assert run is not None

    class EnoughError(Exception):
        pass

    def folder(say: Callable[[str], None]) -> Path:
        say("fetching")
        raise EnoughError

    monkeypatch.setattr(sys.modules[run.__module__], "smollm2_folder", folder)
    said: list[str] = []
    (tmp_path / "tasks").mkdir()
    with pytest.raises(EnoughError):
        run(
            RunContext(
                folder=tmp_path / "tasks",
                ledger=tmp_path / "ledger.jsonl",
                quick=True,
                jobs=1,
                say=said.append,
                retry_failed=False,
                stop=threading.Event(),
            )
        )
    assert said == ["fetching"]
