"""xLadder (arXiv 2512.14237): taps at the top of the backbone, then free side blocks."""

from __future__ import annotations

from ladderscope.methods._side import side_method

XLADDER = side_method(
    "xladder",
    "a side network on the top half of the backbone, deepened by free blocks",
    default_lr=2e-3,
    config_class="XLadderConfig",
)
