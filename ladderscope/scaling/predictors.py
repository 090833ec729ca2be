"""Which columns of a table a law is fitted over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.results.scaling_fit import AxisInfo

ANY = ("x", "X")
"""Names of predictors for which any column can stand."""
IN_ORDER_OF_INTEREST = ("C", "D", "N", "T", "S", "R", "X")


def predictors_of(law: Law, axes: Mapping[str, AxisInfo], wanted: Sequence[str] | None) -> list[str]:
    """The axes that stand for the predictors of ``law``, in its order.

    A law of one predictor goes over the one that was ``wanted``, whatever its formula calls it.

    Raises:
        UnknownNameError: the table has no such axis.
        UsageError: the table lacks a predictor that the law needs.
    """
    for name in wanted or ():
        if name not in axes:
            raise UnknownNameError("predictor of this table", name, axes)
    if len(wanted or ()) > len(law.predictors):
        raise _too_many(law, wanted or ())
    if len(law.predictors) == 1:
        return [wanted[0] if wanted else _only(law, axes)]
    taken = [name for name in law.predictors if name not in ANY]
    free = [name for name in (wanted or _in_order(axes)) if name not in taken]
    chosen = [name if name not in ANY else (free.pop(0) if free else name) for name in law.predictors]
    missing = [name for name in chosen if name not in axes]
    if missing:
        raise _missing(law, missing[0])
    unused = [name for name in wanted or () if name not in chosen]
    if unused:
        raise UsageError(
            f"{law.title} goes over {' and '.join(chosen)}, and not over {unused[0]}: leave it out of --x, or choose "
            "another --law."
        )
    return chosen


def default_predictors(axes: Mapping[str, AxisInfo], response: str) -> tuple[str, ...]:
    """What ``--law auto`` goes over where nothing was asked for.

    Memory: the sequence length. Loss: compute, or without it parameters and tokens. Otherwise whatever there is.

    Raises:
        UsageError: the table has no predictor at all.
    """
    if response == "memory" and "S" in axes:
        return ("S",)
    if response == "loss" and "C" not in axes and "N" in axes and "D" in axes:
        return ("N", "D")
    return (default_predictor(axes),)


def default_predictor(axes: Mapping[str, AxisInfo]) -> str:
    """The predictor that a law of one predictor takes where none was asked for: compute before tokens before size.

    Raises:
        UsageError: the table has no predictor at all.
    """
    ordered = _in_order(axes)
    if not ordered:
        raise UsageError("the table has no predictor: name one with --columns, such as --columns C=COLUMN.")
    return ordered[0]


def _only(law: Law, axes: Mapping[str, AxisInfo]) -> str:
    """The predictor of a law of one: that of its name, or for a law of ``x`` the most interesting there is."""
    (name,) = law.predictors
    if name in axes:
        return name
    if name not in ANY:
        raise _missing(law, name, "name another predictor with --x,")
    return "S" if law.response == "memory" and "S" in axes else default_predictor(axes)


def _missing(law: Law, name: str, way_out: str = "") -> UsageError:
    column = f"name its column with --columns {name}=COLUMN," if name in IN_ORDER_OF_INTEREST else ""
    ways = " ".join(way for way in (column, way_out) if way) or "name its columns with --x,"
    return UsageError(
        f"{law.title} needs {' and '.join(law.predictors)}, and the table has no {name}: {ways} or choose another "
        "--law."
    )


def _too_many(law: Law, wanted: Sequence[str]) -> UsageError:
    n = len(law.predictors)
    return UsageError(
        f"{law.title} has {n} predictor{'s' if n > 1 else ''} ({', '.join(law.predictors)}), and --x names "
        f"{len(wanted)} ({', '.join(wanted)}): name {n}, or choose another --law."
    )


def _in_order(axes: Mapping[str, AxisInfo]) -> list[str]:
    known = [name for name in IN_ORDER_OF_INTEREST if name in axes]
    return known + [name for name in axes if name not in known]
