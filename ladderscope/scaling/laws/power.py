"""The plain power law."""

from __future__ import annotations

from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.laws.power_sum import PowerSum, Term


class Power(PowerSum):
    """L(x) = B x^-lambda: a straight line in logarithms, for ranges in which no floor is in sight.

    Source: Kaplan et al. 2020 (arXiv:2001.08361), equations 1.1 to 1.3.
    """

    name = "power"
    title = "power law"
    formula = "L = B x^-lambda"
    source = "Kaplan et al. 2020, arXiv:2001.08361, equations 1.1 to 1.3"
    parameters = (
        Parameter(name="B", unit="{y} x ({x})^lambda", meaning="the loss at x = 1", log=True),
        Parameter(name="lambda", unit="1", meaning="how fast the loss falls", doubtful_above=5.0),
    )
    terms = (Term("B", (("lambda", "x"),)),)
    slope = "lambda"
