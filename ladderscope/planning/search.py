"""The largest of a row of sizes that fits, with few predictions: bytes grow nearly in a line with the size."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ladderscope.planning.forecasts import Fit

_SECANTS = 3
"""Guesses along the line before it is given up for halving."""


def largest_that_fits(
    fit_at: Callable[[int], Fit], most: int, known: Mapping[int, Fit], hint: tuple[float, Fit]
) -> int:
    """The size that fits while the next does not; both have been predicted then.

    Args:
        fit_at: predicts a size, from 1.
        most: the largest size that is of interest.
        known: sizes that are predicted already.
        hint: a prediction that takes about as much as a size would, and that size.

    Returns:
        The size; 0 where 1 does not fit, ``most`` where that does.
    """
    fits = dict(known)
    secants = strides = 0
    while True:
        low = max((size for size, fit in fits.items() if fit.fits), default=0)
        high = min((size for size, fit in fits.items() if not fit.fits and size > low), default=most + 1)
        if high - low == 1:
            return low
        points: dict[float, Fit] = {hint[0]: hint[1]}
        points.update(fits.items())
        guess = _estimate(points, low, high)
        if secants == _SECANTS:
            guess = (low + high) // 2
        elif low < guess < high:
            secants, strides = secants + 1, 0
        else:
            # The line points beyond what is known to (not) fit: the answer is most likely next to it.
            stride = 2**strides
            guess = low + stride if guess <= low else high - stride
            strides += 1
        size = min(max(guess, low + 1), high - 1)
        fits[size] = fit_at(size)


def _estimate(fits: Mapping[float, Fit], low: int, high: int) -> int:
    """Where the line through the two predictions next to the boundary reaches what the GPU can hold."""
    points: dict[float, int] = {0.0: next(iter(fits.values())).fixed_bytes}
    points |= {size: fit.peak_allocated_bytes for size, fit in fits.items()}
    boundary = (low + high) / 2 if high in fits else low
    first, second = sorted(points, key=lambda size: abs(size - boundary))[:2]
    slope = (points[second] - points[first]) / (second - first)
    if slope <= 0:
        return (low + high) // 2
    return int(first + (_room(fits, high) - points[first]) / slope)


def _room(fits: Mapping[float, Fit], high: int) -> int:
    """Bytes that can be allocated before memory runs out: usable ones without those lost in cached segments."""
    failed = {size: fit.allocated_at_oom for size, fit in fits.items() if fit.allocated_at_oom is not None}
    if failed:
        return failed[min(failed, key=lambda size: abs(size - high))]
    return next(iter(fits.values())).usable_bytes
