"""Predicts and trains every cell that the ledger lacks."""

from __future__ import annotations

from ladderscope.studies.run import RunContext
from ladderscope.studies.variants.running import run_plan

from .plan import plan_of


def run(context: RunContext) -> None:
    """Fill the ledger; what has a record is not made again."""
    run_plan(context, plan_of(quick=context.quick))
