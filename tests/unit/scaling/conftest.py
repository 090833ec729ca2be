"""Published points with published answers; they are no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ladderscope.scaling.points import Points


@pytest.fixture(scope="session")
def scaling_data() -> Path:
    """The folder with NIST's problems, Epoch's tracing of Chinchilla's figure 4 and Lin et al.'s fine-tunings."""
    shared = os.environ.get("LADDERSCOPE_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
    folder = Path(shared) / "scaling"
    if not folder.is_dir():
        pytest.skip(f"no published points at {folder}; set LADDERSCOPE_SHARED_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def all_chinchilla_points(scaling_data: Path) -> Points:
    """Loss against N and D = C / (6 N): 245 models."""
    table = pd.read_csv(scaling_data / "epoch-chinchilla" / "svg_extracted_data.csv")
    n, c = table["Model Size"].to_numpy(dtype=float), table["Training FLOP"].to_numpy(dtype=float)
    return Points.of(np.stack([n, c / (6 * n)], axis=1), table["loss"].to_numpy(dtype=float))


@pytest.fixture(scope="session")
def chinchilla_points(all_chinchilla_points: Points) -> Points:
    """The 240 of them that Epoch fits: without the five highest losses."""
    return all_chinchilla_points.subset(all_chinchilla_points.y < np.sort(all_chinchilla_points.y)[-5])
