"""Whether a table has the groups that a comparison or an allocation needs, before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ladderscope.errors import UsageError
from ladderscope.scaling.results.allocation import Approach
from ladderscope.scaling.table import Group, ScalingTable


def check_groups(
    table: ScalingTable,
    groups: Sequence[Group],
    compare: Sequence[tuple[str, str]] | Literal["all"],
    allocate: Sequence[Approach],
) -> None:
    """Refuse to compare one group with nothing, and to allocate compute to several.

    Raises:
        UsageError: with the way out.
    """
    if compare and len(groups) == 1:
        raise UsageError(
            f"there is only one group by {table.by} ({groups[0].name}), and nothing to compare it with: name the "
            "column of methods with --by COLUMN or --columns method=COLUMN."
        )
    if allocate and len(groups) > 1:
        raise UsageError(
            f"--allocate is about one group, and the table has {len(groups)} by {table.by}: keep one, as with --where "
            f"\"{table.by} == '{groups[0].name}'\"."
        )
