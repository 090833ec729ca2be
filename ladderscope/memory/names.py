"""Names of modules for people: without PEFT's wrappers, and with repeated blocks folded into one."""

from __future__ import annotations

import re
from typing import NamedTuple

MODEL = "(the model itself)"
"""What runs in the outermost modules, and in none of their parts."""
OUTSIDE = "(outside of modules)"

_WRAPPER = "base_model.model"
_SIDE_NETWORK = re.compile(r"^.*\bside_network\b")


class Place(NamedTuple):
    """Where in a model a block of memory belongs.

    Args:
        block: ``"model.layers.*"``, or the whole name of a module that is not repeated.
        number: the number that ``*`` stands for; None where nothing is repeated.
        inside: the module's name within the block, ``"mlp.gate_proj"``; empty for the block itself.
    """

    block: str
    number: int | None
    inside: str


def plain_name(module: str) -> str:
    """The name as it is in the model without PEFT; a side network is named by itself, though it sits in a norm."""
    if not module:
        return OUTSIDE
    if "." not in module and module[0].isupper():
        return MODEL  # the root is named by its class
    if module in ("base_model", _WRAPPER):
        return MODEL
    name = _SIDE_NETWORK.sub("side_network", module.removeprefix(f"{_WRAPPER}."))
    return ".".join(part for part in name.split(".") if part not in ("base_layer", "default")) or name


def place_of(module: str) -> Place:
    """The place of a module: what stands behind the first number of its name is inside of a repeated block."""
    parts = plain_name(module).split(".")
    for position, part in enumerate(parts):
        if part.isdecimal():
            block = ".".join([*parts[:position], "*"])
            inside = ("*" if later.isdecimal() else later for later in parts[position + 1 :])
            return Place(block, int(part), ".".join(inside))
    return Place(".".join(parts), None, "")
