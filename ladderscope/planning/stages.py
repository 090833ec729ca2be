"""The order of the work on plans: a stage of all of them before the next stage of any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from ladderscope.memory.predict.gpus import Gpu
from ladderscope.planning.forecasts import Forecasts
from ladderscope.records import Cell

Begin = Callable[[int, int, str], None]
"""Told which part of the work begins, of how many, and what is found out there: how many predictions that takes shows
only then."""


class _OnGpu(Protocol):
    """A plan of any kind."""

    @property
    def cell(self) -> Cell: ...

    @property
    def gpu(self) -> Gpu: ...


P = TypeVar("P", bound=_OnGpu)
Stage = tuple[Callable[[P, Forecasts], None], str]
"""What finds something out, and the name of that."""


def in_stages(plans: list[P], stages: Sequence[Stage[P]], forecasts: Forecasts, begin: Begin) -> Iterator[list[P]]:
    """Work on the plans, stage by stage; yields all of them, the same list, at first and after every piece of work."""
    yield plans
    several_gpus = len({plan.gpu.name for plan in plans}) > 1
    work = [(plan, stage, what) for stage, what in stages for plan in plans]
    for number, (plan, stage, what) in enumerate(work, 1):
        where = f" on {plan.gpu.name}" if several_gpus else ""
        begin(number, len(work), f"{what} of {plan.cell.method_label}{where}")
        stage(plan, forecasts)
        yield plans
