"""What to train with a compute budget: the three approaches of Hoffmann et al. 2022 (arXiv:2203.15556)."""

from __future__ import annotations

from ladderscope.scaling.allocation.dispatch import allocate

__all__ = ["allocate"]
