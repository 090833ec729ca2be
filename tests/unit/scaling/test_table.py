from __future__ import annotations

import numpy as np
import pandas as pd

from ladderscope.scaling.points import Points
from ladderscope.scaling.results.scaling_fit import AxisInfo
from ladderscope.scaling.table import ScalingTable

COMPUTE = AxisInfo(name="C", label="training compute", unit="FLOP")
LOSS = AxisInfo(name="loss", label="loss", unit="nats per token")


def test_names_and_settings_of_runs_stand_in_the_order_of_the_points_run_numbers() -> None:
    runs = ["b-10", "a", "B", "b-2"]
    frame = pd.DataFrame(
        {
            "group": "ladder",
            "run": np.repeat(runs, 2),
            "C": np.arange(1.0, 9.0),
            "y": np.repeat([1.0, 2.0, 3.0, 4.0], 2),
            "weight": 1.0,
            "censored": False,
            "seed": np.repeat(["s-b-10", "s-a", "s-B", "s-b-2"], 2),
        }
    )

    (group,) = ScalingTable(frame, LOSS, {"C": COMPUTE}, "method", pair_keys=("seed",)).groups(["C"])

    losses = {name: set(group.points.y[group.points.run == i]) for i, name in enumerate(group.run_names)}
    assert losses == {"b-10": {1.0}, "a": {2.0}, "B": {3.0}, "b-2": {4.0}}
    assert [keys["seed"] for keys in group.run_keys] == [f"s-{name}" for name in group.run_names]


def test_groups_keep_the_order_of_the_table() -> None:
    frame = pd.DataFrame(
        {"group": ["z", "a", "z"], "run": ["1", "2", "3"], "C": 1.0, "y": 1.0, "weight": 1.0, "censored": False}
    )

    groups = ScalingTable(frame, LOSS, {"C": COMPUTE}, "method").groups(["C"])

    assert [(group.name, group.points.n_runs) for group in groups] == [("z", 2), ("a", 1)]


def test_a_run_that_is_drawn_twice_is_two_runs_with_all_of_its_points() -> None:
    points = Points.of([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], run=["a", "a", "b", "b"])

    drawn = points.resample([1, 1, 0])

    assert drawn.n_runs == 3
    assert drawn.y.tolist() == [7.0, 8.0, 7.0, 8.0, 5.0, 6.0]
    assert drawn.run.tolist() == [0, 0, 1, 1, 2, 2]


def test_a_run_without_points_left_is_gone() -> None:
    points = Points.of([1.0, 2.0, 3.0], [5.0, 6.0, 7.0], run=["a", "b", "c"])

    assert points.subset(points.y != 6.0).run.tolist() == [0, 1]
