"""The backbone: pretrained on problems of the task, written in full, so that a long chain is what it knows."""

from __future__ import annotations

import json
from pathlib import Path

from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.pretrained.making import pretrain_all, pretraining_settings
from ladderscope.studies.run import RunContext
from ladderscope.studies.trained.filling import slots_of
from ladderscope.whole_files import write_atomically

from .chains import END, TOKENS, TOKENS_OF_LINE, text_to_pretrain_on

RECIPE = "cot-1"
STEPS, ROWS = 1500, 16
LINES = (STEPS + 1) * ROWS
"""Each is read once; the last 16 are held out."""
INITIAL, PEAK_RATE = 0.1, 2e-3
"""With what is usual for wide models, 0.02, nothing was learned from 600 steps."""
_SEED = 20_251_214
BACKBONE = SmallBackbone(recipe=RECIPE, vocabulary=len(TOKENS), width=64, depth=8)


def pretrain(context: RunContext, work: Path) -> None:
    """Make the backbone where ``work`` lacks it, with its text and its tokenizer."""
    text, tokenizer = prepare_text(work, LINES), prepare_tokenizer(work)
    settings = pretraining_settings(
        BACKBONE,
        steps=STEPS,
        work=work.resolve(),
        text=text.resolve(),
        tokenizer=tokenizer.resolve(),
        rows=(ROWS, TOKENS_OF_LINE),
        initial=INITIAL,
        peak_rate=PEAK_RATE,
    )
    pretrain_all([settings], slots_of(context), context.say, context.stop)


def prepare_text(work: Path, lines: int) -> Path:
    """The text as a file."""
    path = work / f"{RECIPE}.txt"
    if not path.exists():
        write_atomically(path, text_to_pretrain_on(lines, _SEED), "the study's folder")
    return path


def prepare_tokenizer(work: Path) -> Path:
    """The folder of a tokenizer with a token for every digit, letter, operation and sign."""
    folder = work / f"tokenizer-{RECIPE}"
    if not (folder / "tokenizer.json").exists():
        from tokenizers import Tokenizer, models, pre_tokenizers

        tokenizer = Tokenizer(models.WordLevel({token: place for place, token in enumerate(TOKENS)}, unk_token=END))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": END}
        write_atomically(folder / "tokenizer_config.json", json.dumps(settings), "the study's folder")
        write_atomically(folder / "tokenizer.json", tokenizer.to_str(), "the study's folder")
    return folder
