from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig


def test_ladder_taps_every_block() -> None:
    assert LadderConfig().tap_map(3) == [0, 1, 2]


def test_ladder_taps_the_blocks_of_a_list() -> None:
    assert LadderConfig(taps=[1, 3]).tap_map(4) == [1, 3]


def test_xladder_taps_the_top_blocks_and_adds_as_many_free_ones() -> None:
    assert XLadderConfig(delta=2).tap_map(6) == [4, 5, None, None]


def test_xladder_has_as_many_blocks_as_ladder_by_default() -> None:
    assert XLadderConfig().tap_map(30) == [*range(15, 30), *[None] * 15]


NAN, INFINITE = float("nan"), float("inf")
NO_COUNTS = [0, -1, 1.5, "2", True]


@pytest.mark.parametrize("make_config", [LSTConfig, QSTConfig, LadderConfig, XLadderConfig])
@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        ("reduction_factor", NO_COUNTS, "reduction_factor must be a whole number of at least 1"),
        ("downsample_rank", NO_COUNTS, "downsample_rank must be a whole number of at least 1"),
        ("side_width", NO_COUNTS, "side_width must be a whole number of at least 1"),
        ("side_ffn_width", NO_COUNTS, "side_ffn_width must be a whole number of at least 1"),
        ("backbone_chunk_tokens", NO_COUNTS, "backbone_chunk_tokens must be a whole number of at least 1"),
        ("gate_temperature", [0, -0.1, NAN, INFINITE, "1"], "gate_temperature must be a positive number"),
        ("gate_init", [NAN, INFINITE, "0", None], "gate_init must be a finite number"),
        ("dropout", [-0.1, 1.0, NAN, "0"], "dropout must be a number of at least 0 and below 1"),
        ("downsample_norm", [1, "yes", None], "downsample_norm must be True or False"),
        ("checkpoint_blocks", [1, "yes", None], "checkpoint_blocks must be True or False"),
        ("downsample", ["mean", None, 3], "one of frozen, linear, shared-linear, lora, adapter, avg-pool, max-pool"),
        ("basis", ["svd", None], "basis must be one of principal, random"),
        ("tap_storage", ["int4", None], "tap_storage must be one of full, int8, pooled"),
        ("gate", ["matrix", None], "gate must be one of none, scalar, vector"),
        ("embedding_tap", ["both", None, True], "embedding_tap must be one of none, own, shared"),
        ("side_block", ["heavy", None], "side_block must be one of backbone, light"),
        ("output", ["concat", None], "output must be one of add, mix, replace"),
        ("init", ["zeros", None], "init must be one of default, identity, orthogonal, xavier, he, pruned, sliced"),
        ("importance", ["random", None], "importance must be one of magnitude, fisher"),
        ("loss_impl", ["sliced", None], "loss_impl must be one of full, chunked"),
        ("side_dtype", ["fp16", "int8"], "side_dtype must be one of float32, bfloat16, float16"),
    ],
)
def test_impossible_values_are_refused(make_config: Any, field: str, values: list[Any], message: str) -> None:
    for value in values:
        with pytest.raises(ValueError, match=message):
            make_config(**{field: value})


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        ("some", "'all', 'every:K', 'top:K' or a list of block indices, not 'some'"),
        ("every:0", "not 'every:0'"),
        ("top:-1", "not 'top:-1'"),
        ("every:", "not 'every:'"),
        ("all ", "not 'all '"),
        ([3, 1], "never fall"),
        ([], "never fall"),
        ([None], "never fall"),
        ([None, 1], "never fall"),
        ([-1, 2], "never fall"),
        ([0, 1.5], "block indices"),
        ([0, "1"], "block indices"),
        ([False, True], "block indices"),
        (3, "block indices"),
        (None, "block indices"),
    ],
)
def test_impossible_taps_are_refused(taps: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LadderConfig(taps=taps)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tap_storage": "int8"}, "tap_storage='int8' is for downsample='linear' or"),
        ({"tap_storage": "pooled", "downsample": "avg-pool"}, "'avg-pool' keeps the narrow tap only"),
        ({"init": "sliced", "downsample": "linear"}, "init='sliced' needs downsample='frozen'"),
        ({"init": "sliced", "basis": "random"}, "init='sliced' needs downsample='frozen' with basis='principal'"),
        ({"init": "pruned", "side_block": "light"}, "init='pruned' copies backbone blocks"),
        ({"init": "sliced", "side_block": "light"}, "init='sliced' copies backbone blocks"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LadderConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        *(({"delta": each}, "delta must be a whole number of at least 1") for each in NO_COUNTS),
        *(({"match_params": each}, "match_params must be a number of trainable") for each in [*NO_COUNTS, {}]),
        ({"match_params": XLadderConfig(match_params=10_000)}, "without match_params of its own"),
        ({"taps": "top:2"}, "xLadder's taps follow from delta"),
    ],
)
def test_what_xladder_cannot_be_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        XLadderConfig(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reduction_factor": 3}, "does not divide the hidden size of 64: use one of 1, 2, 4, 8"),
        ({"reduction_factor": 16}, "use one of 1, 2, 4, 8"),
        ({"side_width": 30}, "a side width of 30 does not fit 4 heads: use a multiple of 8"),
        ({"side_width": 128}, "side_width 128 is wider than the backbone, which has 64"),
        ({"taps": "every:5"}, "asks for more than the backbone's 4 blocks"),
        ({"taps": "top:5"}, "asks for more than the backbone's 4 blocks"),
    ],
)
def test_what_the_backbone_cannot_take_is_refused(
    tuned: Callable[..., Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tuned(LadderConfig, **settings)


def test_defaults_of_every_preset_pass_their_own_checks_again() -> None:
    for make_config in (LSTConfig, QSTConfig, LadderConfig, XLadderConfig):
        config = make_config()
        assert make_config(**{field.name: getattr(config, field.name) for field in fields(config) if field.init})


def test_taps_beyond_the_backbone_are_refused() -> None:
    with pytest.raises(ValueError, match="beyond the last of 4"):
        LadderConfig(taps=[1, 4]).tap_map(4)
    with pytest.raises(ValueError, match="delta 5 is larger"):
        XLadderConfig(delta=5).tap_map(4)
