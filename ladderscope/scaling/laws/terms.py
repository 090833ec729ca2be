"""Sums of terms in log space: log L = log sum_j exp(u_j), without overflow.

The shape that most loss laws share. Each u_j is linear in theta: ``e`` for an offset, ``a - alpha log N`` for a power.
"""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.points import FloatArray


def log_sum(terms: FloatArray) -> FloatArray:
    """log sum exp over the first axis of ``terms``, shape (m, n) to (n,)."""
    top = terms.max(axis=0)
    return np.asarray(top + np.log(np.exp(terms - top).sum(axis=0)), dtype=np.float64)


def shares(terms: FloatArray) -> FloatArray:
    """The share of each term in the sum, shape (m, n): the derivatives of :func:`log_sum` by its terms."""
    powers = np.exp(terms - terms.max(axis=0))
    return np.asarray(powers / powers.sum(axis=0), dtype=np.float64)


def centred_powers(log_x: FloatArray, names: tuple[str, ...], powers: list[tuple[str, str, int]]) -> FloatArray:
    """The centring matrix of terms ``a_j - alpha_j log x_j``.

    Args:
        log_x: logarithms of the predictors, shape (n, p).
        names: the names of all parameters.
        powers: coefficient, exponent (as names of parameters) and column of ``log_x`` of each power.
    """
    matrix = np.eye(len(names))
    for coefficient, exponent, column in powers:
        at = names.index(exponent)
        matrix[names.index(coefficient), at] -= log_x[:, column].mean()
        matrix[at, at] = log_x[:, column].std() or 1.0
    return matrix
