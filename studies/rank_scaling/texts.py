"""Numbers as tables and sentences show them."""

from __future__ import annotations

from ladderscope.studies import texts
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.pretrained.backbone import SmallBackbone

from .plan import ADAPTERS, SCALED


def interval_text(found: MeanInterval) -> str:
    """A mean of logarithms of ratios with its ends, as percent with two digits."""
    return texts.interval_text(found, digits=2)


def slope_text(found: MeanInterval) -> str:
    """A slope with its ends."""
    if found.low is None or found.high is None:
        return f"{found.mean:+.4f}"
    return f"{found.mean:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def backbone_text(backbone: SmallBackbone) -> str:
    """Its parameters."""
    return f"{backbone.parameters / 1e6:.3g} M"


def size_text(method: str, size: int) -> str:
    """``r=8`` or ``1/8``."""
    return f"r={size}" if method in (*ADAPTERS, SCALED) else f"1/{size}"
