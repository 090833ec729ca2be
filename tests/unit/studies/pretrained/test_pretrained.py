"""Backbones are pretrained once, in processes, and go on where they were killed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.studies.pretrained import pretrain
from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.pretrained.corpus import plain_text, prepare_tokenizer
from ladderscope.studies.pretrained.making import pretrain_all, pretraining_settings

TINY = SmallBackbone(recipe="tiny-1", vocabulary=280, width=32, depth=1)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    text = tmp_path / "kjv.txt"
    text.write_text("And God said, Let there be light: and there was light. " * 3000)
    tokenizer = prepare_tokenizer(tmp_path, text, TINY.vocabulary)
    return lambda name, steps: pretraining_settings(
        TINY, steps=steps, work=tmp_path / name, text=text, tokenizer=tokenizer
    )


def test_verses_lose_their_numbers_and_brackets() -> None:
    module = 'bible = Bible(\n    """\n1. In the beginning. 2. And darkness [was] there.\n3. And 40. days.\n""")'
    assert plain_text(module) == "In the beginning. And darkness was there.\nAnd days.\n"


def test_after_an_interrupt_nothing_begins(settings: Callable[..., dict[str, Any]]) -> None:
    stop = threading.Event()
    stop.set()
    said: list[str] = []
    wanted = settings("none", 2)
    pretrain_all([wanted], 2, said.append, stop)
    assert not said
    assert not Path(wanted["folder"]).exists()


@pytest.mark.slow
def test_a_backbone_is_pretrained_once(settings: Callable[..., dict[str, Any]]) -> None:
    said: list[str] = []
    wanted = settings("once", 2)
    pretrain_all([wanted], 2, said.append, threading.Event())
    assert json.loads((Path(wanted["folder"]) / "pretraining.json").read_text())["held_out_loss"] > 0
    pretrain_all([wanted], 2, said.append, threading.Event())
    assert said == ["pretraining 32x1 (2 steps)"]


@pytest.mark.slow
def test_a_backbone_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    wanted = pretraining_settings(
        TINY, steps=2, work=tmp_path, text=tmp_path / "none.txt", tokenizer=tmp_path / "none"
    )
    with pytest.raises(LadderscopeError, match="32x1"):
        pretrain_all([wanted], 1, lambda line: None, threading.Event())


def test_pretraining_that_was_killed_ends_with_the_same_weights(
    settings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrain, "CHECKPOINT_SECONDS", 0.0)
    losses = []
    for name, kills in (("whole", False), ("killed", True)):
        wanted = settings(name, 4)
        Path(wanted["folder"]).parent.mkdir(parents=True)
        if kills:
            with monkeypatch.context() as during:
                during.setattr(pretrain, "_batch", _killed_at(2, pretrain._batch))
                with pytest.raises(KeyboardInterrupt):
                    pretrain.main(wanted)
            assert not Path(wanted["folder"]).exists()
        pretrain.main(wanted)
        losses.append(json.loads((Path(wanted["folder"]) / "pretraining.json").read_text())["held_out_loss"])
    assert losses[0] == losses[1]


def _killed_at(step: int, batch: Callable[..., Any]) -> Callable[..., Any]:
    def batch_or_end(rows: Any, at: int, *rest: int) -> Any:
        if at == step:
            raise KeyboardInterrupt
        return batch(rows, at, *rest)

    return batch_or_end
