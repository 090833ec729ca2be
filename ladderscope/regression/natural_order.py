"""The order in which people look for names: by model, and numbers as numbers."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)")


def natural_key(name: str) -> tuple[list[str | float], list[str | float], str]:
    """By what names are sorted for people: ``gpt2 ... 64 tokens``, ``gpt2 ... 512 tokens``, ``gpt2-medium ...``.

    Names of one model stay together, as do tests of one file.
    """
    model, _, rest = name.partition(" ")
    return _parts(model), _parts(rest), name


def _parts(text: str) -> list[str | float]:
    """Text and numbers in turns, so that no number is ever compared with text."""
    return [float(part) if i % 2 else part for i, part in enumerate(_NUMBER.split(text))]
