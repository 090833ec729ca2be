"""Sums of terms in log space: log L = log sum_j exp(u_j), without overflow.

The shape that most loss laws share, with each u_j linear in theta: ``a - alpha log N``. The offset is no such term:
its logarithm has no zero to stop at, and descents that overshoot stay where it has faded. It moves as itself, from 0.
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


def with_offset(offset: float, log_reducible: FloatArray) -> FloatArray:
    """log(offset + exp(``log_reducible``)), shape (n,), for an offset of zero or more."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.logaddexp(np.log(offset), log_reducible), dtype=np.float64)


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
