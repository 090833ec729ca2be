"""Power laws of compute as lines on log axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes


def draw_power_line(
    axes: Axes, points: Sequence[tuple[float, float]], exponent: float, colour: str, label: str, style: str = "-"
) -> None:
    """The line of slope ``exponent`` through the middle of ``points``, over their range."""
    log_x, log_y = np.log(np.array(points, dtype=float)).T
    level = float(np.mean(log_y - exponent * log_x))
    ends = np.array([log_x.min(), log_x.max()])
    axes.plot(np.exp(ends), np.exp(level + exponent * ends), style, color=colour, linewidth=1.6, label=label)
