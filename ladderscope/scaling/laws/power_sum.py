"""Laws that are an offset plus products of powers: one class, of which each law states the terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.terms import centred_powers, log_sum, shares, with_offset
from ladderscope.scaling.points import FloatArray

LOWEST_OFFSET, HIGHEST_OFFSET = 0.3, 0.98
"""Where starts put the offset, as a share of the smallest loss."""
LOWEST_EXPONENT, HIGHEST_EXPONENT = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Term:
    """``coefficient`` times each predictor to the power of minus its exponent.

    Attributes:
        coefficient: the name of a positive parameter.
        exponents: (parameter, predictor) of each power.
    """

    coefficient: str
    exponents: tuple[tuple[str, str], ...]


class PowerSum(Law):
    """L = E + sum of ``terms``, where E is there if the first parameter is called so.

    In logarithms: log L = log(E + sum_j exp(u_j)) with u_j linear in theta.
    """

    terms: tuple[Term, ...]

    def features(self, x: FloatArray) -> FloatArray:
        """The derivatives of u_j by theta, which do not depend on theta, shape (terms, n, k)."""
        log_x = np.log(x)
        design = np.zeros((len(self.terms), len(x), len(self.parameters)))
        for row, term in enumerate(self.terms):
            design[row, :, self.names.index(term.coefficient)] = 1.0
            for exponent, predictor in term.exponents:
                design[row, :, self.names.index(exponent)] = -log_x[:, self.predictors.index(predictor)]
        return design

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        reducible = log_sum(features @ theta)
        return with_offset(theta[0], reducible) if self._has_offset else reducible

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives of log L by theta, shape (n, k)."""
        terms = features @ theta
        if not self._has_offset:
            return np.asarray(np.einsum("mn,mnk->nk", shares(terms), features), dtype=np.float64)
        whole = with_offset(theta[0], log_sum(terms))
        found = np.einsum("mn,mnk->nk", np.exp(terms - whole), features)
        found[:, 0] = np.exp(-whole)
        return np.asarray(found, dtype=np.float64)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """An offset below the smallest loss, random exponents; what is above the offset is split at random."""
        offset = rng.uniform(LOWEST_OFFSET, HIGHEST_OFFSET) * float(y.min()) if self._has_offset else 0.0
        above = float(np.log(y - offset).mean())
        middle = dict(zip(self.predictors, np.log(x).mean(axis=0), strict=True))
        theta = dict.fromkeys(self.names, offset)
        for _, exponent, _ in self._powers():
            theta[exponent] = rng.uniform(LOWEST_EXPONENT, HIGHEST_EXPONENT)
        for term, share in zip(self.terms, rng.dirichlet(np.full(len(self.terms), 3.0)), strict=True):
            at_one = sum(theta[exponent] * middle[predictor] for exponent, predictor in term.exponents)
            theta[term.coefficient] = above + np.log(share) + at_one
        return np.array([theta[name] for name in self.names])

    def centring(self, x: FloatArray) -> FloatArray:
        """Coefficients become what their terms add in the middle of the points."""
        return centred_powers(np.log(x), self.names, self._powers())

    @property
    def _has_offset(self) -> bool:
        return self.parameters[0].name == "E"

    def _powers(self) -> list[tuple[str, str, int]]:
        return [
            (term.coefficient, exponent, self.predictors.index(predictor))
            for term in self.terms
            for exponent, predictor in term.exponents
        ]
