"""What is to be read from ledgers or tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ladderscope.errors import UsageError
from ladderscope.scaling.arguments import names_in


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRequest:
    """What stands where.

    Attributes:
        y: the response: ``loss``, ``eval-loss``, ``peak-allocated``, ``peak-reserved`` of ledgers; ``loss``,
            ``memory`` or any column of a table. ``None``: the loss, or of a table without one its memory.
        x: the predictors that the fit must have, by role (``C``), long name (``compute``) or, in tables, column. The
            others that the data holds come along. ``"N,D"`` will do for ``("N", "D")``.
        by: what gets a curve per value: a setting of a cell, a role, or a column of a table. ``None``: the method,
            where there is one.
        columns: role -> column, or an expression over columns (:mod:`~ladderscope.tables.expressions`).
            Tables only.
        where: conditions that all hold for the points to keep (:mod:`~ladderscope.tables.conditions`). Of ledgers
            those on what has one value for a record come first, whatever their order.
        weights: the column of the objective's weights. Tables only.
        cluster: the column of the training run, or several, separated by commas. ``None``: the run's own.
    """

    y: str | None = None
    x: Sequence[str] = ()
    by: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    where: Sequence[str] = ()
    weights: str | None = None
    cluster: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", names_in(self.x))
        object.__setattr__(self, "where", (self.where,) if isinstance(self.where, str) else tuple(self.where))
        if not hasattr(self.columns, "items"):
            raise UsageError('columns are a mapping from role to column: write {"N": "params", "loss": "val_loss"}.')
