from __future__ import annotations

from dataclasses import replace

import numpy as np

from ladderscope.scaling.comparison.joint import join
from ladderscope.scaling.comparison.pairing import pair_runs
from ladderscope.scaling.table import Group
from tests.unit.scaling.comparison.simulated import two_methods


def with_models(group: Group, models: list[str]) -> Group:
    return replace(group, run_keys=[{"model": model} for model in models])


def test_runs_of_the_same_settings_are_pairs_whatever_their_order() -> None:
    first, second = two_methods(3)
    pairing = pair_runs(first, with_models(second, ["2m", "0m", "1m"]))
    assert pairing.paired
    assert pairing.keys == ["model"]
    assert sorted(pairing.pairs) == [(0, 1), (1, 2), (2, 0)]
    assert pairing.notes == []


def test_a_run_without_partner_is_left_out_by_name() -> None:
    first, second = two_methods(4)
    pairing = pair_runs(first, with_models(second, ["0m", "1m", "2m", "other"]))
    assert len(pairing.pairs) == 3
    assert pairing.notes == [
        "left out for want of a partner: ladder-3 of ladder",
        "left out for want of a partner: qlora-3 of qlora",
    ]
    joint = join(first, second, pairing)
    assert joint.n_runs == (3, 3)
    assert joint.paired


def test_settings_that_occur_twice_pair_no_run() -> None:
    first, second = two_methods(4)
    pairing = pair_runs(first, with_models(second, ["0m", "1m", "2m", "2m"]))
    assert pairing.paired is False
    assert "2 runs of qlora share their settings with another (model 2m), so they have no partner" in pairing.notes
    assert any(note.startswith("only 2 of 4 and 4 runs have a partner of the same model") for note in pairing.notes)


def test_without_pairs_all_runs_are_kept_as_independent() -> None:
    first, second = two_methods(3, paired=False)
    pairing = pair_runs(first, second)
    joint = join(first, second, pairing)
    assert pairing.notes == ["runs have no settings to pair them by, so they are independent"]
    assert joint.n_runs == (3, 3)
    np.testing.assert_array_equal(joint.stratum, [0, 0, 0, 1, 1, 1])


def test_a_pair_needs_points_of_both_runs_in_the_range() -> None:
    first, second = two_methods(3, checkpoints=1)
    moved = replace(second, points=replace(second.points, x=second.points.x * np.array([[1.0], [1.0], [50.0]])))
    joint = join(first, moved, pair_runs(first, moved)).within((5e16, 2e19))
    assert joint.n_runs == (2, 2)
