"""QST, Quantized Side Tuning (arXiv 2401.07159)."""

from __future__ import annotations

from ladderscope.methods._side import side_method

QST = side_method(
    "qst",
    "a side network of adapters and a trained mixture (QST)",
    default_lr=2e-3,
    config_class="QSTConfig",
    default_reduction=16,
)
