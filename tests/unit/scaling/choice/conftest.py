"""Fine-tuning curves of 30 models, published by Lin et al. 2024, and curves of known laws."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ladderscope.scaling.laws import Law, law_named
from ladderscope.scaling.points import Points
from ladderscope.scaling.table import Group

MakeGroup = Callable[..., Group]
GroupsOf = Callable[[str], list[Group]]


def named(*names: str) -> list[Law]:
    return [law_named(name) for name in names]


@pytest.fixture
def make_group() -> MakeGroup:
    """Makes a group with points of a law: noise in logarithms, one point per run unless there are ``runs``."""

    def make(
        law: str,
        values: dict[str, float],
        x: np.ndarray,
        noise: float = 0.0,
        *,
        seed: int = 0,
        runs: int | None = None,
        run_noise: float = 0.0,
        name: str = "all",
    ) -> Group:
        rng = np.random.default_rng(seed)
        columns = np.asarray(x, dtype=float).reshape(len(x), -1)
        repeated = np.tile(columns, (runs or 1, 1))
        run = np.arange(len(columns)) if runs is None else np.repeat(np.arange(runs), len(columns))
        y = law_named(law).predict(values, repeated) * np.exp(noise * rng.standard_normal(len(repeated)))
        y *= np.exp(run_noise * rng.standard_normal(run.max() + 1))[run]
        names = [f"run {i}" for i in range(run.max() + 1)]
        return Group(name, Points.of(repeated, y, run=run), names, [{} for _ in names])

    return make


@pytest.fixture(scope="session")
def fine_tuning(scaling_data: Path) -> GroupsOf:
    """The curves of one task of Lin et al. 2024, a group per model, from 200 examples on."""
    folder = scaling_data / "lin2024-rectified-sft"

    def groups(task: str) -> list[Group]:
        with (folder / f"{task}.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        sizes = [name for name in rows[0] if name.isdigit() and int(name) >= 200]
        x = np.array([float(size) for size in sizes])
        return [
            Group(row["config name"], Points.of(x, [float(row[size]) for size in sizes]), sizes, [{} for _ in sizes])
            for row in rows
        ]

    return groups
