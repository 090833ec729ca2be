"""Numbers as tables and sentences show them."""

from __future__ import annotations

from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.pretrained.backbone import SmallBackbone

from .plan import ADAPTERS, SCALED


def percent(share: float, *, signed: bool = False) -> str:
    """A share, or a logarithm of a ratio that is near to one, as percent."""
    return f"{100 * share:+.2f}%" if signed else f"{100 * share:.3g}%"


def interval_text(found: MeanInterval) -> str:
    """A mean of logarithms of ratios with its ends, as percent."""
    mean = percent(found.mean, signed=True)
    if found.low is None or found.high is None:
        return mean
    return f"{mean} ({percent(found.low, signed=True)} to {percent(found.high, signed=True)})"


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
