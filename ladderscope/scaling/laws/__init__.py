"""The laws, one per file, by name."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.errors import UnknownNameError
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.laws.broken import Broken
from ladderscope.scaling.laws.chinchilla import Chinchilla
from ladderscope.scaling.laws.chinchilla_shared import ChinchillaShared
from ladderscope.scaling.laws.kaplan import Kaplan
from ladderscope.scaling.laws.memory_length import MemoryLength
from ladderscope.scaling.laws.memory_linear import MemoryLinear
from ladderscope.scaling.laws.multiplicative import Multiplicative
from ladderscope.scaling.laws.power import Power
from ladderscope.scaling.laws.power_offset import PowerOffset
from ladderscope.scaling.laws.rank import RankPlateau
from ladderscope.scaling.laws.rectified import Rectified

LAWS: dict[str, Law] = {
    law.name: law
    for law in (
        Power(),
        PowerOffset(),
        Rectified(),
        Broken(),
        RankPlateau(),
        Chinchilla(),
        ChinchillaShared(),
        Kaplan(),
        Multiplicative(),
        MemoryLinear(),
        MemoryLength(),
    )
}
"""Name -> law, simple ones first."""

__all__ = ["LAWS", "Law", "axes_of", "law_named", "laws_for"]


def law_named(name: str) -> Law:
    """The law called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in LAWS:
        raise UnknownNameError("law", name, LAWS)
    return LAWS[name]


def laws_for(response: str, axes: Sequence[str]) -> list[Law]:
    """The candidates of ``--law auto``: laws of ``response`` that use exactly the chosen predictors.

    Args:
        response: ``loss`` or ``memory``.
        axes: names of the chosen predictors, such as ``["C"]`` or ``["N", "D"]``, in any order.
    """
    return [law for law in LAWS.values() if law.response == response and axes_of(law, axes) is not None]


def axes_of(law: Law, axes: Sequence[str]) -> tuple[str, ...] | None:
    """Which of ``axes`` each predictor of ``law`` is, or ``None`` where they are not those that it needs.

    ``x`` and ``X`` stand for the one axis that the law does not name.
    """
    if len(law.predictors) != len(axes):
        return None
    others = [axis for axis in axes if axis not in law.predictors]
    found = tuple(others[0] if name in ("x", "X") and others else name for name in law.predictors)
    return found if sorted(found) == sorted(axes) else None
