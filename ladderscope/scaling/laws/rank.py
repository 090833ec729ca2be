"""Loss against the rank of an adapter, with the plateau that it reaches."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ladderscope.scaling.laws.base import Law, Parameter
from ladderscope.scaling.points import FloatArray


class RankPlateau(Law):
    """L(R) = E (1 + R0/R)^lambda: a power law of rank below R0, flat at E above it.

    An adapter learns like full fine-tuning until the data exceed its capacity (Schulman et al. 2025, "LoRA Without
    Regret"): so loss is flat above a rank that the data set, and falls below it with the small exponent that Zhang et
    al. 2024 (arXiv:2402.17193) find for the size of adapters. A power law with offset has neither: with exponents of
    .05 it is never flat. The plateau is approached as 1/R, so that E is seen from ranks a few times R0, and there are
    only three parameters, because few ranks are ever tried.
    """

    name = "rank"
    title = "rank law with a plateau"
    formula = "L = E (1 + R0/R)^lambda"
    source = "this project, after Zhang et al. 2024, arXiv:2402.17193, and Schulman et al. 2025, LoRA Without Regret"
    predictors = ("R",)
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the plateau: the loss that no rank removes", log=True),
        Parameter(name="R0", unit="{R}", meaning="the rank above which more rank hardly helps", log=True),
        Parameter(name="lambda", unit="1", meaning="how fast loss falls below that rank", doubtful_above=5.0),
    )
    slope = "lambda"

    def evaluate(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """log L, shape (n,)."""
        return np.asarray(theta[0] + theta[2] * np.logaddexp(0.0, theta[1] - features[:, 0]), dtype=np.float64)

    def derivatives(self, theta: FloatArray, features: FloatArray) -> FloatArray:
        """Derivatives by (log E, log R0, lambda), shape (n, 3)."""
        above = theta[1] - features[:, 0]
        return np.stack([np.ones(len(above)), theta[2] * expit(above), np.logaddexp(0.0, above)], axis=1)

    def start(self, x: FloatArray, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """A random R0 among the ranks; E and lambda by the straight line that the law then is."""
        log_rank = np.log(x[:, 0])
        turn = rng.uniform(log_rank.min(), log_rank.max())
        line = np.stack([np.ones(len(y)), np.logaddexp(0.0, turn - log_rank)], axis=1)
        plateau, exponent = np.linalg.lstsq(line, np.log(y), rcond=None)[0]
        return np.array([plateau, turn, exponent])
