"""Ladder side-tuning (arXiv 2512.14237)."""

from __future__ import annotations

from ladderscope.methods._side import side_method

LADDER = side_method(
    "ladder", "a side network, one block beside every backbone block", default_lr=2e-3, config_class="LadderConfig"
)
