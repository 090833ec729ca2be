"""The cells of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.records import Cell

from .backbone import BACKBONE
from .chains import chain_of, data_name, tokens_of_prompt, tokens_written

OPERATIONS = 8
GRANULARITIES = (1, 2, 4, 8)
LONG, SHORT = 1, (2, 4, 8)
BATCH_SIZE = 24
REDUCTION = 2
SIDE_PARAMETERS = 108_391
"""Trained by ``ladder`` of reduction 2 on this backbone; every xLadder has as many within 2%."""
RANK = 11
"""Of the QLoRA that comes nearest to that."""
BACKBONE_ALONE = "backbone"
REFERENCE, DEFAULT = "ladder", "xladder-4"
DELTAS = (2, 4, 8)
"""Tapped blocks of the backbone's eight, and as many free side blocks behind them; half is the package's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A method with its size.

    Attributes:
        method: as in cells.
        settings: of its config.
        rank: of adapters.
        lr: constant.
    """

    method: str
    settings: str = ""
    rank: int | None = None
    lr: float


BUDGETS = (500, 1500)
"""Optimizer steps; a budget is a run of its own. With the smaller one most short chains stay at chance."""
SIDE_RATE = 5e-3
"""Of all side networks; with the package's 2e-3, Ladder learned no short chain in a pilot."""
ARMS: Mapping[str, Arm] = {
    REFERENCE: Arm(method="ladder", lr=SIDE_RATE),
    **{
        f"xladder-{delta}": Arm(
            method="xladder", settings=f"delta={delta} match_params={SIDE_PARAMETERS}", lr=SIDE_RATE
        )
        for delta in DELTAS
    },
    "qlora": Arm(method="qlora", rank=RANK, lr=1e-3),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        arms: names of ``ARMS``.
        granularities: what chains are trained; the backbone as it is writes long ones only.
        seeds: each with examples of its own, the same for all arms, granularities and budgets but for their number.
        budgets: of ``BUDGETS``.
    """

    arms: Sequence[str]
    granularities: Sequence[int]
    seeds: Sequence[int]
    budgets: Sequence[int]


WHOLE = Plan(arms=tuple(ARMS), granularities=GRANULARITIES, seeds=(0, 1), budgets=BUDGETS)
QUICK = Plan(arms=(REFERENCE, DEFAULT), granularities=(1, 2), seeds=(0,), budgets=BUDGETS[:1])
"""A part of the whole, on the same backbone."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE


def cells_of(plan: Plan) -> list[Cell]:
    """All cells of a plan: the backbone as it is, then a whole seed before the next."""
    trained = [
        cell_of(name, granularity, seed * len(BUDGETS) + BUDGETS.index(steps), steps)
        for seed in plan.seeds
        for granularity in plan.granularities
        for name in plan.arms
        for steps in plan.budgets
    ]
    return [BACKBONE_CELL, *trained]


def cell_of(name: str, granularity: int, seed: int, steps: int) -> Cell:
    """A run of an arm. Budgets have seeds of their own: with one, a short run would begin a long one."""
    arm = ARMS[name]
    return Cell(
        model=BACKBONE.name,
        method=arm.method,
        settings=arm.settings,
        rank=arm.rank,
        reduction_factor=None if arm.rank else REDUCTION,
        seq_len=tokens_of_prompt(OPERATIONS) + tokens_written(OPERATIONS, granularity),
        batch_size=BATCH_SIZE,
        dtype="fp32",
        quantization="nf4-dq",
        lr=arm.lr,
        steps=steps,
        seed=seed,
        data=data_name(OPERATIONS, granularity),
    )


BACKBONE_CELL = cell_of("qlora", LONG, 0, 0)
"""Adapters that were never trained change nothing."""


def granularity_of(cell: Cell) -> int:
    """Operations for each value that the cell's chains write."""
    return chain_of(cell.data)[1]


def arm_of(cell: Cell) -> str:
    """Its name: of a method with its size, or of the backbone alone."""
    if cell.steps == 0:
        return BACKBONE_ALONE
    return next(name for name, arm in ARMS.items() if (arm.method, arm.settings) == (cell.method, cell.settings))
