"""The multiplicative joint law of fine-tuning."""

from __future__ import annotations

from ladderscope.scaling.laws.base import Parameter
from ladderscope.scaling.laws.power_sum import PowerSum, Term


class Multiplicative(PowerSum):
    """L(X, D) = E + A/(X^alpha D^beta), where X is the model's size, its pretraining data, or a PEFT method's size.

    The gain of more fine-tuning data depends on the model: on held-out scales Zhang et al. prefer it to a sum.

    Source: Zhang et al. 2024 (arXiv:2402.17193), equation 1.
    """

    name = "multiplicative"
    title = "multiplicative joint law"
    formula = "L = E + A X^-alpha D^-beta"
    source = "Zhang et al. 2024, arXiv:2402.17193, equation 1"
    predictors = ("X", "D")
    parameters = (
        Parameter(name="E", unit="{y}", meaning="the loss that neither X nor data removes", lower=0.0),
        Parameter(
            name="A", unit="{y} x ({X})^alpha x ({D})^beta", meaning="the reducible loss at X = D = 1", log=True
        ),
        Parameter(name="alpha", unit="1", meaning="how fast the reducible loss falls with X", doubtful_above=5.0),
        Parameter(name="beta", unit="1", meaning="how fast the reducible loss falls with data", doubtful_above=5.0),
    )
    terms = (Term("A", (("alpha", "X"), ("beta", "D"))),)
    slope = "beta"
