"""Colours. A method has the same colour in every figure; the colours hold up for colour-blind readers."""

from __future__ import annotations

import zlib

METHOD_COLOURS = {
    "full": "#222222",
    "lora": "#E69F00",
    "qlora": "#D55E00",
    "lst": "#56B4E9",
    "qst": "#009E73",
    "ladder": "#0072B2",
    "xladder": "#CC79A7",
}
"""The palette of Okabe and Ito, warm for adapters and cool for side networks."""

_OTHER_METHODS = ("#7F7F7F", "#8C6D31", "#5D3A9B")

CATEGORY_COLOURS = {
    "weights": "#77AADD",
    "quantization_state": "#335C8A",
    "adapter_weights": "#44BB99",
    "gradients": "#BBCC33",
    "optimizer_state": "#8A8A00",
    "activations": "#EE8866",
    "logits_and_loss": "#B8405E",
    "workspace": "#EEDD88",
    "collectives": "#C9A0DC",
    "rounding": "#666666",
    "other": "#BBBBBB",
}
"""Tol's light palette, with neighbours in the stack set apart by lightness."""

COMPONENT_COLOURS = {
    "backbone_forward": "#77AADD",
    "backbone_recompute": "#335C8A",
    "backbone_backward": "#EE8866",
    "adapter": "#44BB99",
    "side_network": "#BBCC33",
    "head": "#BBBBBB",
}

LINE_STYLES = ("-", "--", "-.", ":")


def method_colour(method: str) -> str:
    """The colour of ``method``; a method from a file always gets the same of a few neutral ones."""
    if method in METHOD_COLOURS:
        return METHOD_COLOURS[method]
    return _OTHER_METHODS[zlib.crc32(method.encode()) % len(_OTHER_METHODS)]


def method_of_group(name: str) -> str:
    """The method of a group of runs, which says in brackets how they were measured where that differs."""
    return name.partition(" (")[0]
