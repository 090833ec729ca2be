"""The axis of a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_axis(axes: Axes) -> None:
    """Make y logarithmic with plain numbers such as 5, 6 and 7: a loss spans less than a decade."""
    from matplotlib.ticker import MaxNLocator, NullLocator, ScalarFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_locator(NullLocator())
