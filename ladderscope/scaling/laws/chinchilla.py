"""Chinchilla's law: loss against parameters and tokens."""

from __future__ import annotations

from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.laws.power_sum import PowerSum, Term


class Chinchilla(PowerSum):
    """L(N, D) = E + A/N^alpha + B/D^beta.

    Source: Hoffmann et al. 2022 (arXiv:2203.15556), approach 3.
    """

    name = "chinchilla"
    title = "Chinchilla's law"
    formula = "L = E + A N^-alpha + B D^-beta"
    source = "Hoffmann et al. 2022, arXiv:2203.15556, approach 3"
    predictors = ("N", "D")
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss of an infinite model on infinite data", lower=0.0),
        Parameter(name="A", unit="{y} x ({N})^alpha", meaning="what a model of one parameter adds", log=True),
        Parameter(name="B", unit="{y} x ({D})^beta", meaning="what one token of training adds", log=True),
        Parameter(name="alpha", unit="1", meaning="how fast loss falls with the model", doubtful_above=5.0),
        Parameter(name="beta", unit="1", meaning="how fast loss falls with the data", doubtful_above=5.0),
    )
    terms = (Term("A", (("alpha", "N"),)), Term("B", (("beta", "D"),)))
