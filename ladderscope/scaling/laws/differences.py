"""Derivatives of functions that come without: complex steps where they work, extrapolated differences elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ladderscope.scaling.points import FloatArray

Function = Callable[[NDArray[np.complex128] | FloatArray], NDArray[np.complex128] | FloatArray]

COMPLEX_STEP = 1e-30
FIRST_STEP = 1e-2
LEVELS = 6


def by_complex_step(function: Function, at: FloatArray) -> FloatArray | None:
    """Derivatives of ``function``, (k,) to (n,), to machine precision, shape (n, k).

    ``None`` where it refuses complex numbers or gives real ones (Squire and Trapp 1998, SIAM Review 40).
    """
    columns = []
    for index in range(len(at)):
        moved = at.astype(np.complex128)
        moved[index] += 1j * COMPLEX_STEP
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                value = np.asarray(function(moved))
        except (TypeError, ValueError, np.exceptions.ComplexWarning):
            return None
        if not np.iscomplexobj(value):
            return None
        columns.append(value.imag / COMPLEX_STEP)
    return np.stack(columns, axis=1)


def by_differences(function: Function, at: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Derivatives by central differences, extrapolated to step 0 (Ridders 1982), shape (n, k).

    Differences stay between ``lower`` and ``upper``, where the function is known to exist, unless ``at`` is there.
    """
    columns = []
    for index, value in enumerate(at):
        room = min(value - lower[index], upper[index] - value)
        step = min(FIRST_STEP * (abs(value) or 1.0), room if room > 0 else np.inf)
        columns.append(_column(function, at, index, step))
    return np.stack(columns, axis=1)


def _column(function: Function, at: FloatArray, index: int, step: float) -> FloatArray:
    """Ridders' tableau: each row halves the step, each column removes two orders of error; the best entry counts."""
    above: list[FloatArray] = []
    best, error = np.empty(0), np.inf
    for level in range(LEVELS):
        row = [_central(function, at, index, step / 2**level)]
        for order, earlier in enumerate(above):
            weight = 4.0 ** (order + 1)
            row.append((weight * row[order] - earlier) / (weight - 1))
            change = float(np.max(np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - earlier)), initial=0.0))
            if not change > error:
                best, error = row[-1], change
        if level and not np.isfinite(error):
            best = row[0]
        above = row
    return best


def _central(function: Function, at: FloatArray, index: int, step: float) -> FloatArray:
    up, down = at.copy(), at.copy()
    up[index] += step
    down[index] -= step
    return np.asarray((function(up) - function(down)) / (up[index] - down[index]), dtype=np.float64)
