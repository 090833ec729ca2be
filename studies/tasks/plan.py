"""The cells of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.records import Cell
from ladderscope.studies.answering.items import Task
from ladderscope.studies.answering.tasks import CHAIN, CRITIC, MATHS, SENTIMENT, TASKS

MODEL = "smollm2-135m"
RANK, REDUCTION = 8, 8
REFERENCE = "qlora"
SIDE_NETWORKS = ("ladder", "xladder", "qst", "lst")
METHODS = (REFERENCE, *SIDE_NETWORKS)
LEARNING_RATES = {REFERENCE: 1e-3, **dict.fromkeys(SIDE_NETWORKS, 2e-3)}
"""The package's defaults."""
STEPS: Mapping[str, int] = {MATHS.name: 20, CRITIC.name: 20, SENTIMENT.name: 24, CHAIN.name: 24}
"""Task -> steps at equal data; the tasks that take longest come first."""
SAME_DATA, TWICE = 1, 2
"""How many times these steps: a side network makes two for about what one of QLoRA costs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        tasks: names.
        side_networks: methods that are trained beside QLoRA and the backbone as it is.
        budgets: of side networks in the first seed, in times of QLoRA's steps; other seeds have the equal one.
        seeds: runs of each method, each with its own order of the data.
    """

    tasks: Sequence[str]
    side_networks: Sequence[str]
    budgets: Sequence[int]
    seeds: Sequence[int]


WHOLE = Plan(tasks=tuple(STEPS), side_networks=SIDE_NETWORKS, budgets=(SAME_DATA, TWICE), seeds=(0, 1, 2))
QUICK = Plan(tasks=(SENTIMENT.name,), side_networks=("ladder",), budgets=(SAME_DATA,), seeds=(0,))


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE


def cells_of(plan: Plan) -> list[Cell]:
    """All cells of a plan: a whole seed before the next."""
    return [cell for seed in plan.seeds for name in plan.tasks for cell in _cells(plan, TASKS[name], seed)]


def backbone_cell(task: str) -> Cell:
    """The backbone as it is, the same for every seed: adapters that were not trained add nothing."""
    return _cell(TASKS[task], REFERENCE, 0, 0)


def cell_of(task: str, method: str, times: int, seed: int) -> Cell:
    """A run of ``times`` the steps at equal data."""
    return _cell(TASKS[task], method, times * STEPS[task], seed)


def _cells(plan: Plan, task: Task, seed: int) -> list[Cell]:
    is_first = seed == plan.seeds[0]
    cells = [backbone_cell(task.name)] if is_first else []
    cells.append(cell_of(task.name, REFERENCE, SAME_DATA, seed))
    budgets = plan.budgets if is_first else (SAME_DATA,)
    cells += [cell_of(task.name, side, times, seed) for times in budgets for side in plan.side_networks]
    return cells


def _cell(task: Task, method: str, steps: int, seed: int) -> Cell:
    is_side = method in SIDE_NETWORKS
    return Cell(
        model=MODEL,
        method=method,
        rank=None if is_side else RANK,
        reduction_factor=REDUCTION if is_side else None,
        seq_len=task.seq_len,
        batch_size=task.batch_size,
        dtype="bf16",
        quantization="nf4-dq",
        lr=LEARNING_RATES[method],
        steps=steps,
        seed=seed,
        data=task.data,
    )
