"""Made-up losses whose compute-optimal frontier is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ladderscope.scaling.points import FloatArray
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.table import ScalingTable

MakeTable = Callable[..., ScalingTable]
INFO = {
    "N": AxisInfo(name="N", label="parameters", unit="parameter"),
    "D": AxisInfo(name="D", label="tokens", unit="token"),
    "C": AxisInfo(name="C", label="training compute", unit="FLOP"),
}
E, A, B = 1.7, 400.0, 1000.0


def loss_of(n: FloatArray, d: FloatArray, alpha: float, beta: float) -> FloatArray:
    """Chinchilla's law."""
    return np.asarray(E + A * n**-alpha + B * d**-beta)


def best_size(compute: float, alpha: float, beta: float) -> float:
    """N_opt under C = 6 N D, in closed form."""
    scale = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    return float(scale * (compute / 6) ** (beta / (alpha + beta)))


def table_of(frame: pd.DataFrame, axes: str = "NDC") -> ScalingTable:
    """A table of columns N, D, C, y and, where there are any, run and group."""
    runs = [f"run {i:04d}" for i in range(len(frame))]
    filled = frame.assign(
        run=frame.get("run", pd.Series(runs, index=frame.index, dtype=object)),
        group=frame.get("group", pd.Series("lora", index=frame.index)),
        weight=1.0,
        censored=False,
    )
    response = AxisInfo(name="loss", label="loss", unit="nat")
    return ScalingTable(frame=filled, response=response, axes={name: INFO[name] for name in axes}, by="method")
