from __future__ import annotations

from typing import Any

import pytest

from ladderscope.methods.side import LadderConfig, XLadderConfig


def test_ladder_taps_every_block() -> None:
    assert LadderConfig().tap_map(3) == [0, 1, 2]


def test_ladder_taps_the_blocks_of_a_list() -> None:
    assert LadderConfig(taps=[1, 3]).tap_map(4) == [1, 3]


def test_xladder_taps_the_top_blocks_and_adds_as_many_free_ones() -> None:
    assert XLadderConfig(delta=2).tap_map(6) == [4, 5, None, None]


def test_xladder_has_as_many_blocks_as_ladder_by_default() -> None:
    assert XLadderConfig().tap_map(30) == [*range(15, 30), *[None] * 15]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reduction_factor": 0}, "reduction_factor"),
        ({"downsample": "mean"}, "frozen, linear, shared-linear"),
        ({"gate": "matrix"}, "none, scalar, vector"),
        ({"gate_temperature": 0.0}, "gate_temperature"),
        ({"taps": "some"}, "taps"),
        ({"taps": [3, 1]}, "never fall"),
        ({"taps": []}, "never fall"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LadderConfig(**settings)


def test_taps_beyond_the_backbone_are_refused() -> None:
    with pytest.raises(ValueError, match="beyond the last of 4"):
        LadderConfig(taps=[1, 4]).tap_map(4)
    with pytest.raises(ValueError, match="delta 5 is larger"):
        XLadderConfig(delta=5).tap_map(4)
    with pytest.raises(ValueError, match="at least 1"):
        XLadderConfig(delta=0)
