"""The recipe ``slopes-1``: backbones that have read the King James text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.pretrained.corpus import prepare_text, prepare_tokenizer
from ladderscope.studies.pretrained.making import pretrain_all, pretraining_settings
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import slots_of

RECIPE = "slopes-1"
VOCABULARY = 2048
STEPS = 400


def kjv_backbone(width: int, depth: int) -> SmallBackbone:
    """The backbone of that size."""
    return SmallBackbone(recipe=RECIPE, vocabulary=VOCABULARY, width=width, depth=depth)


def pretrain_on_kjv(context: RunContext, backbones: Sequence[SmallBackbone], work: Path) -> None:
    """Make the backbones that ``work`` lacks, with text and tokenizer; 400 steps each."""
    text = prepare_text(work, context.say)
    tokenizer = prepare_tokenizer(work, text, VOCABULARY)
    settings = [
        pretraining_settings(one, steps=STEPS, work=work.resolve(), text=text.resolve(), tokenizer=tokenizer.resolve())
        for one in backbones
    ]
    pretrain_all(settings, slots_of(context), context.say, context.stop)
