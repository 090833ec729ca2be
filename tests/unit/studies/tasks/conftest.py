from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladderscope.records import Answers, EvalLoss, Flops, Params, Record
from ladderscope.studies.answering.tasks import TASKS
from ladderscope.studies.folder import Study, find_study

from ..loaded import modules_of

STUDIES = Path(__file__).parents[4] / "studies"
Invent = Callable[..., list[Record]]
STEP_COSTS = {"qlora": 2.0}


@pytest.fixture(scope="session")
def study() -> Study:
    return find_study(STUDIES, "tasks")


@pytest.fixture(scope="session")
def module(study: Study) -> Callable[[str], Any]:
    return modules_of(study)


@pytest.fixture(scope="session")
def invent(module: Callable[[str], Any]) -> Invent:
    """Records of all cells: an item is right where its difficulty, which runs share but for noise, is low enough.

    ``levels`` has the share of right answers by task, or by task and method, or by task, method and steps; without
    one it is 0.5 for the backbone and 0.8 for the others.
    """
    plan = module("plan")

    def make(levels: Mapping[Any, float], *, noise: float = 0.03) -> list[Record]:
        rng = np.random.default_rng(0)
        difficulty = {name: rng.random(task.test) for name, task in TASKS.items()}
        records = []
        for cell in plan.cells_of(plan.WHOLE):
            task = cell.data.split("/")[1]
            usual = levels.get(task, 0.8) if cell.steps else 0.5
            level = levels.get((task, cell.method), usual) if cell.steps else usual
            level = levels.get((task, cell.method, cell.steps), level)
            right = difficulty[task] + rng.normal(0, noise, len(difficulty[task])) < level
            per_step = STEP_COSTS.get(cell.method, 1.0) * 1e12
            records.append(
                Record(
                    cell=cell,
                    meter="cpu",
                    status="ok",
                    weights="pretrained",
                    params=Params(trainable=2_000_000, total=137_000_000),
                    flops=Flops(per_step=int(per_step), per_token=per_step / 1024, by_component={}),
                    eval_loss=EvalLoss(before=2.0, after=1.0 if cell.steps else 2.0),
                    answers={task: _answers(task, right)},
                    step_seconds=[per_step / 4e11] * cell.steps,
                    tokens_per_step=cell.tokens_per_step,
                )
            )
        return records

    return make


def _answers(task: str, right: np.ndarray) -> Answers:
    groups = [place % 30 for place in range(len(right))] if TASKS[task].per_template else []
    return Answers(correct="".join("1" if one else "0" for one in right), groups=groups, items=f"items of {task}")
