"""The power law with offset: loss against compute, tokens or parameters."""

from __future__ import annotations

from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.laws.power_sum import PowerSum, Term


class PowerOffset(PowerSum):
    """L(x) = E + B x^-lambda, the offset E being the loss that no amount of x removes.

    Source: Hestness et al. 2017 (arXiv:1712.00409). It has no flat phase before the fall, so it misses the first
    steps of some fine-tunings: see :class:`~ladderscope.scaling.laws.rectified.Rectified`.
    """

    name = "power-offset"
    title = "power law with offset"
    formula = "L = E + B x^-lambda"
    source = "Hestness et al. 2017, arXiv:1712.00409"
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss that is left at infinite x", lower=0.0),
        Parameter(name="B", unit="{y} x ({x})^lambda", meaning="the reducible loss at x = 1", log=True),
        Parameter(name="lambda", unit="1", meaning="how fast the reducible loss falls", doubtful_above=5.0),
    )
    terms = (Term("B", (("lambda", "x"),)),)
    slope = "lambda"
