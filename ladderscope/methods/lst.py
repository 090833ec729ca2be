"""LST, Ladder Side-Tuning (arXiv 2206.06522)."""

from __future__ import annotations

from ladderscope.methods._side import side_method

LST = side_method(
    name="lst",
    summary="a side network that predicts alone (LST)",
    default_lr=2e-3,
    config_class="LSTConfig",
)
