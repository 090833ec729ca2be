from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladderscope.records import EvalLoss, Flops, Params, Record
from ladderscope.studies.folder import Study, find_study

from ..loaded import modules_of

STUDIES = Path(__file__).parents[4] / "studies"
Invent = Callable[..., list[Record]]


@pytest.fixture(scope="session")
def study() -> Study:
    return find_study(STUDIES, "rank_scaling")


@pytest.fixture(scope="session")
def module(study: Study) -> Callable[[str], Any]:
    return modules_of(study)


@pytest.fixture(scope="session")
def invent(module: Callable[[str], Any]) -> Invent:
    """Records of all cells whose losses follow parameters^slope, with a level of every seed, and a little noise."""
    plan = module("plan")
    sizes = {one.name: one.parameters for one in plan.BACKBONES}

    def make(
        slopes: dict[str, float] | None = None, *, levels: dict[str, float] | None = None, noise: float = 0.0005
    ) -> list[Record]:
        rng = np.random.default_rng(0)
        shared = [rng.normal(0, 0.02) for _ in plan.WHOLE.seeds]
        records = []
        for cell in plan.cells_of(plan.WHOLE):
            is_side = cell.method in plan.SIDE_NETWORKS
            size = plan.size_of(cell)
            trained = sizes[cell.model] // 100 * 64 // size**2 if is_side else sizes[cell.model] // 250 * size
            per_step = (2 if is_side else 4) * 512 * (sizes[cell.model] + 3 * trained)
            slope, level = (slopes or {}).get(cell.method, -0.02), (levels or {}).get(cell.method, 0.0)
            fall = slope * math.log(trained / sizes[cell.model]) + level + shared[cell.seed] + rng.normal(0, noise)
            records.append(
                Record(
                    cell=cell,
                    meter="cpu",
                    status="ok",
                    weights="pretrained",
                    params=Params(trainable=trained, total=sizes[cell.model] + trained),
                    flops=Flops(per_step=per_step, per_token=per_step / 512, by_component={"head": per_step}),
                    eval_loss=EvalLoss(before=7.0, after=3.0 * math.exp(fall)),
                    step_seconds=[per_step / 1e10] * cell.steps,
                    tokens_per_step=512,
                )
            )
        return records

    return make
