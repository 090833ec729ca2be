"""Chinchilla's law with one exponent: model and data should grow in the same proportion."""

from __future__ import annotations

from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.laws.power_sum import PowerSum, Term


class ChinchillaShared(PowerSum):
    """L(N, D) = E + A/N^alpha + B/D^alpha.

    One parameter less than Chinchilla's law, for tables too small to tell its exponents apart. Equal exponents say
    that the best model for a budget grows as its square root.

    Source: Muennighoff et al. 2023 (arXiv:2305.16264), who tie the exponents of Hoffmann et al. 2022.
    """

    name = "chinchilla-shared"
    title = "Chinchilla's law with shared exponents"
    formula = "L = E + A N^-alpha + B D^-alpha"
    source = "Muennighoff et al. 2023, arXiv:2305.16264, after Hoffmann et al. 2022, arXiv:2203.15556"
    predictors = ("N", "D")
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss of an infinite model on infinite data", lower=0.0),
        Parameter(name="A", unit="{y} x ({N})^alpha", meaning="what a model of one parameter adds", log=True),
        Parameter(name="B", unit="{y} x ({D})^alpha", meaning="what one token of training adds", log=True),
        Parameter(name="alpha", unit="1", meaning="how fast loss falls with model and data", doubtful_above=5.0),
    )
    terms = (Term("A", (("alpha", "N"),)), Term("B", (("alpha", "D"),)))
    slope = "alpha"
