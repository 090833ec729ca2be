from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ladderscope.records import Answers, EvalLoss, Flops, Params, Record
from ladderscope.studies.folder import Study, find_study

from ..loaded import modules_of

STUDIES = Path(__file__).parents[4] / "studies"
Invent = Callable[..., list[Record]]
Accuracies = Mapping[tuple[str, int], float]


@pytest.fixture(scope="session")
def study() -> Study:
    return find_study(STUDIES, "xladder_cot")


@pytest.fixture(scope="session")
def module(study: Study) -> Callable[[str], Any]:
    return modules_of(study)


@pytest.fixture(scope="session")
def invent(module: Callable[[str], Any]) -> Invent:
    """Records of all cells, whose answers are right with given probabilities; items are as hard for all methods.

    Both seeds have the same answers: were they a little apart, two would leave much open.
    """
    plan, chains = module("plan"), module("chains")

    def make(accuracies: Accuracies, *, usual: Mapping[int, float] | None = None, items: int = 600) -> list[Record]:
        falling = usual or {1: 0.95, 2: 0.6, 4: 0.3, 8: 0.05}
        records = []
        for cell in plan.cells_of(plan.WHOLE):
            arm, granularity = plan.arm_of(cell), plan.granularity_of(cell)
            hard, rng = random.Random(f"{granularity}"), random.Random(f"{arm} {granularity} {cell.steps}")
            share = accuracies.get((arm, granularity), falling[granularity])
            right = [hard.random() + rng.gauss(0, 0.1) < share for _ in range(items)]
            count = chains.tokens_written(plan.OPERATIONS, granularity)
            per_step = 3_000_000 if arm == "qlora" else 2_000_000
            records.append(
                Record(
                    cell=cell,
                    meter="cpu",
                    status="ok",
                    weights="pretrained",
                    params=Params(trainable=100_000, total=1_000_000),
                    flops=Flops(per_step=per_step, per_token=per_step / 100, by_component={"head": per_step}),
                    eval_loss=EvalLoss(before=2.0, after=1.0),
                    answers={"chains": Answers(correct="".join("01"[hit] for hit in right), tokens=[count] * items)},
                    step_seconds=[per_step / 1e8] * cell.steps,
                    tokens_per_step=100,
                )
            )
        return records

    return make
