"""Architectures by name, so that a model with random weights and real shapes needs no network.

The data is ``architectures.yaml`` beside this file; a new architecture is one entry there.
"""

from __future__ import annotations

import copy
import functools
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

from ladderscope.errors import UnknownNameError

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def catalogue_names() -> tuple[str, ...]:
    """All names of the catalogue, family by family."""
    return tuple(_architectures())


def architecture_config(name: str) -> PretrainedConfig:
    """A fresh config of the architecture with this name, for the caller to change at will.

    Raises:
        UnknownNameError: the catalogue has no such name; the message proposes the nearest.
    """
    architectures = _architectures()
    if name not in architectures:
        raise UnknownNameError("architecture", name, architectures)

    from transformers import AutoConfig  # seconds to import, which listing the names should not cost

    # Config classes keep and fill in the dicts they are given, and entries of a family share theirs.
    return AutoConfig.for_model(**copy.deepcopy(architectures[name]))


@functools.cache
def _architectures() -> dict[str, dict[str, Any]]:
    text = resources.files("ladderscope.backbones").joinpath("architectures.yaml").read_text(encoding="utf-8")
    architectures: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return architectures
