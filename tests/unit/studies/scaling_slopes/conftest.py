from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ladderscope.records import EvalLoss, Flops, Record
from ladderscope.studies.folder import Study, find_study

from ..loaded import modules_of

STUDIES = Path(__file__).parents[4] / "studies"
Invent = Callable[..., list[Record]]


@pytest.fixture(scope="session")
def study() -> Study:
    return find_study(STUDIES, "scaling_slopes")


@pytest.fixture(scope="session")
def module(study: Study) -> Callable[[str], Any]:
    return modules_of(study)


@pytest.fixture(scope="session")
def invent(module: Callable[[str], Any]) -> Invent:
    """Records of all cells whose losses follow E + B C^-lambda, with noise that methods share, and a little own."""
    family = module("family")
    sizes = {one.name: one.parameters for one in family.FAMILY}

    def make(
        exponents: dict[str, float], *, cost: dict[str, float] | None = None, noise: float = 0.0005
    ) -> list[Record]:
        rng = np.random.default_rng(0)
        shared = {(model, seed): rng.normal(0, 0.01) for model in sizes for seed in range(10)}
        records = []
        for cell in family.cells_of(family.WHOLE):
            per_step = int(6 * sizes[cell.model] * 512 * (cost or {}).get(cell.method, 1.0))
            compute = per_step * cell.steps
            fall = 3.0 * (compute / 1e11) ** -exponents.get(cell.method, 0.2)
            deviation = shared[cell.model, cell.seed] + rng.normal(0, noise)
            records.append(
                Record(
                    cell=cell,
                    meter="cpu",
                    status="ok",
                    weights="pretrained",
                    flops=Flops(per_step=per_step, per_token=per_step / 512, by_component={"head": per_step}),
                    eval_loss=EvalLoss(before=7.0, after=(1.0 + fall) * math.exp(deviation)),
                    step_seconds=[per_step / 1e10] * cell.steps,
                    tokens_per_step=512,
                )
            )
        return records

    return make


@pytest.fixture(scope="session")
def risen(module: Callable[[str], Any], invent: Invent) -> list[Record]:
    """All methods fall alike on every backbone, but Ladder's loss is the higher the larger the backbone."""
    sizes = {one.name: one.parameters for one in module("family").FAMILY}

    def raised(one: Record) -> Record:
        assert one.eval_loss is not None
        after = one.eval_loss.after * (sizes[one.cell.model] / min(sizes.values())) ** 0.03
        return dataclasses.replace(one, eval_loss=dataclasses.replace(one.eval_loss, after=after))

    return [raised(one) if one.cell.method == "ladder" else one for one in invent({})]
