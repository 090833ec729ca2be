"""Entries as files and comparisons get them."""

from __future__ import annotations

from typing import Any

import pytest

from ladderscope.regression.entry import Entry

WHOLE: dict[str, Any] = {
    "name": "random:tiny-llama ladder 1/8 512 tokens, predicted for t4-16gb",
    "meter": "predict",
    "gpu": "t4-16gb",
    "settings": {"seq_len": 512, "model": "random:tiny-llama", "method": "ladder", "lr": 0.001},
    "metrics": {"peak_allocated": 100, "peak_reserved": 200, "flops": 5000, "trainable_params": 7},
    "breakdown": {"weights": 60, "activations": 38, "rounding": 2},
    "flops": {"head": 2000, "backbone_forward": 3000},
    "peak_at": "backward, lm_head, mm",
    "at_peak": {
        "activations": {"side_network.blocks.{0-3}: mul.Tensor": 8, "lm_head: mm": 6},
        "weights": {"model.layers.{0-3}.mlp: weight": 15},
    },
    "saved_for_backward": {"activations": {"side_network.blocks.{0-3}: mul.Tensor": 8}},
    "versions": {"torch": "2.13.0", "ladderscope": "1.0"},
}


def entry(**parts: Any) -> Entry:
    return Entry(**{**WHOLE, **parts})


@pytest.fixture
def whole() -> Entry:
    """An entry with all that a prediction gives."""
    return entry()
