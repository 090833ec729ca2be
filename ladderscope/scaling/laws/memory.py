"""What the memory laws share: sums of parts of which none is negative."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from ladderscope.scaling.points import FloatArray


def random_parts(design: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Random coefficients around those that leave the smallest relative residuals, all positive.

    Args:
        design: what each part is multiplied by, shape (n, m).
        y: the response, shape (n,).

    Returns:
        Shape (m,).
    """
    # Columns of size one and ones on the right: bytes and tokens differ by many orders of magnitude.
    size = design.max(axis=0)
    parts, _ = nnls(design / size / y[:, None] * y.mean(), np.ones(len(y)))
    spread = np.exp(rng.normal(scale=0.5, size=len(parts)))
    return np.asarray(np.maximum(parts, 1e-3) * spread * y.mean() / size, dtype=np.float64)
