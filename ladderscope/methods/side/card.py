"""Adds to a saved adapter's model card what a reader needs to load it."""

from __future__ import annotations

from pathlib import Path

_CODE = """```python
import ladderscope  # makes PEFT know the {peft_type} method
from peft import PeftModel

model = PeftModel.from_pretrained(backbone, "path/to/this/folder")
```"""
_HEADING = "## How to Get Started with the Model"
_MARK = "import ladderscope"


def add_loading_note(folder: Path, peft_type: str) -> None:
    """Say in ``README.md`` of ``folder``, if PEFT wrote one, that loading needs ``import ladderscope``."""
    card = folder / "README.md"
    if not card.is_file():
        return
    text = card.read_text(encoding="utf-8")
    if _MARK in text:
        return
    note = f"Needs the package `ladderscope`:\n\n{_CODE.format(peft_type=peft_type)}\n"
    before, heading, after = text.partition(f"{_HEADING}\n")
    placeholder = "\nUse the code below to get started with the model.\n\n[More Information Needed]\n"
    if heading:
        text = f"{before}{heading}\n{note}{after.removeprefix(placeholder)}"
    else:
        text = f"{text.rstrip()}\n\n{_HEADING}\n\n{note}"
    card.write_text(text, encoding="utf-8")
