"""The cells of a plan: one per method, at the shape that was asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ladderscope.backbones.catalogue import catalogue_names
from ladderscope.backbones.names import RANDOM_PREFIX, SMOLLM2, backbone_config, resolve_name
from ladderscope.errors import UnknownNameError
from ladderscope.records import Cell
from ladderscope.sweep.grid import resolve_cells
from ladderscope.training.examples import RANDOM

DEFAULT_SEQ_LEN = 2048
MOST_TOKENS = 131072
"""Where a model names no limit of its own, as those without learned or rotary positions."""


def model_name(name: str) -> str:
    """A model as cells name it. Names of the catalogue need no ``random:`` here, as only shapes count.

    Raises:
        UnknownNameError: there is no such model; the nearest is proposed.
    """
    if name == SMOLLM2 or ":" in name or "/" in name or Path(name).expanduser().is_dir():
        return name
    if name not in catalogue_names():
        raise UnknownNameError("model", name, catalogue_names())
    return RANDOM_PREFIX + name


def plan_cells(model: str, options: Mapping[str, Sequence[Any]]) -> list[Cell]:
    """One cell per method.

    Args:
        model: a name of the catalogue, with or without ``random:``, a folder, or a hub name.
        options: axes of the grid with their values; ``seq_len`` is 2048 by default, or what the model reads at most.

    Raises:
        UsageError: a value that is impossible, alone or with the others.
    """
    name = model_name(model)
    seq_len = min(DEFAULT_SEQ_LEN, longest_row(name))
    return resolve_cells({"seq_len": [seq_len], **options, "model": [name], "data": [RANDOM]})


@functools.cache
def config_of(model: str) -> Any:
    """The transformers config of a model. Callers share it and leave it as it is."""
    return backbone_config(resolve_name(model))


def longest_row(model: str) -> int:
    """Tokens that a model reads at most."""
    return int(getattr(config_of(model).get_text_config(), "max_position_embeddings", None) or MOST_TOKENS)
