"""Tables of made-up and of published losses."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladderscope.scaling.table import ScalingTable
from tests.unit.scaling.allocation.made_up import MakeTable, best_size, loss_of, table_of


@pytest.fixture
def budgets_table() -> MakeTable:
    """Makes runs at four budgets: sizes spread evenly in log N, by ``spread`` to each side of ``shift`` x N_opt."""

    def make(
        alpha: float = 0.34,
        beta: float = 0.34,
        *,
        sizes: int = 7,
        spread: float = 4,
        shift: float = 1,
        noise: float = 0,
    ) -> ScalingTable:
        rng = np.random.default_rng(1)
        rows = []
        for compute in np.geomspace(1e18, 1e21, 4):
            n = shift * best_size(compute, alpha, beta) * np.geomspace(1 / spread, spread, sizes)
            d = compute / (6 * n)
            y = loss_of(n, d, alpha, beta) * np.exp(noise * rng.normal(size=sizes))
            rows.append(pd.DataFrame({"N": n, "D": d, "C": compute, "y": y}))
        return table_of(pd.concat(rows, ignore_index=True))

    return make


@pytest.fixture
def curves_table() -> MakeTable:
    """Makes training curves of ``sizes`` models with 40 checkpoints each, all over the same range of tokens."""

    def make(alpha: float = 0.34, beta: float = 0.34, *, sizes: int = 24, noise: float = 0) -> ScalingTable:
        rng = np.random.default_rng(2)
        rows = []
        for i, n in enumerate(np.geomspace(1e7, 1e10, sizes)):
            d = np.geomspace(1e8, 1e12, 40)
            level = noise * rng.normal()
            y = loss_of(np.full(40, n), d, alpha, beta) * np.exp(level)
            rows.append(pd.DataFrame({"N": n, "D": d, "C": 6 * n * d, "y": y, "run": f"run {i:02d}"}))
        return table_of(pd.concat(rows, ignore_index=True))

    return make


@pytest.fixture(scope="session")
def epoch_table() -> ScalingTable:
    """The 240 points of Hoffmann et al.'s figure 4 as traced by Epoch AI: all but the five highest losses."""
    shared = os.environ.get("LADDERSCOPE_SHARED_DATA") or Path(__file__).parents[5] / "shared" / "data"
    path = Path(shared) / "scaling" / "epoch-chinchilla" / "svg_extracted_data.csv"
    if not path.is_file():
        pytest.skip(f"no published points at {path}; set LADDERSCOPE_SHARED_DATA to the folder that holds them")
    rows = pd.read_csv(path)
    rows = rows[rows["loss"] < rows["loss"].nlargest(5).min()]
    n, c = rows["Model Size"].to_numpy(), rows["Training FLOP"].to_numpy()
    return table_of(pd.DataFrame({"N": n, "D": c / (6 * n), "C": c, "y": rows["loss"].to_numpy()}))
