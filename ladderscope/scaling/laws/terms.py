"""Sums of power-law terms in log space: the shape that most loss laws share.

log L = log sum_j exp(u_j), where each u_j is linear in theta: ``e`` for the offset, ``a - alpha log N`` for a power of N.
"""

from __future__ import annotations

import numpy as np

from ladderscope.scaling.points import FloatArray


def log_sum(terms: FloatArray) -> FloatArray:
    """log sum exp over the last axis of ``terms``, shape (n, m) to (n,), without overflow."""
    top = terms.max(axis=1)
    return np.asarray(top + np.log(np.exp(terms - top[:, None]).sum(axis=1)), dtype=np.float64)


def shares(terms: FloatArray) -> FloatArray:
    """The share of each term in the sum, shape (n, m): the derivatives of :func:`log_sum` by its terms."""
    powers = np.exp(terms - terms.max(axis=1)[:, None])
    return np.asarray(powers / powers.sum(axis=1)[:, None], dtype=np.float64)


def centred_powers(log_x: FloatArray, names: tuple[str, ...], powers: list[tuple[str, str]]) -> FloatArray:
    """The centring matrix of terms ``a_j - alpha_j log x_j``.

    Args:
        log_x: logarithms of the predictors of the terms, shape (n, m), one column for each of ``powers``.
        names: the names of all parameters.
        powers: (coefficient, exponent) of each term, as names of parameters.
    """
    matrix = np.eye(len(names))
    for column, (coefficient, exponent) in enumerate(powers):
        at = names.index(exponent)
        matrix[names.index(coefficient), at] -= log_x[:, column].mean()
        matrix[at, at] = log_x[:, column].std() or 1.0
    return matrix
