"""How many parameters the presets train on real shapes, and how xLadder meets a number. Nothing has a value here."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor
from transformers import AutoModelForCausalLM

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, SideConfig, XLadderConfig
from ladderscope.methods.side.blocks import side_config_of
from ladderscope.methods.side.layer import build_side_network
from ladderscope.methods.side.matching import count_side_parameters, match_parameters
from ladderscope.methods.side.structure import find_decoder, text_config


def on_meta(name: str, num_layers: int | None = None) -> tuple[Any, Any]:
    """Config and decoder of an architecture of the catalogue, perhaps with fewer blocks."""
    config = architecture_config(name)
    config.num_hidden_layers = num_layers or config.num_hidden_layers
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return text_config(model), find_decoder(model)


def count(config: SideConfig, name: str, num_layers: int | None = None) -> int:
    return count_side_parameters(config, *on_meta(name, num_layers))


class TestQST:
    """Table 6 of the paper, and what its released code has on other backbones."""

    @pytest.mark.parametrize(
        ("settings", "millions", "share_of_downsamplers"),
        [({}, 28.6, 0.078), ({"downsample": "linear"}, 59.9, 0.560), ({"downsample": "avg-pool"}, 26.4, 0.0)],
    )
    def test_has_the_parameters_of_the_paper_on_llama_2_7b(
        self, settings: dict[str, Any], millions: float, share_of_downsamplers: float
    ) -> None:
        backbone_config, parts = on_meta("llama-2-7b")
        config = QSTConfig(downsample_norm="downsample" not in settings, **settings)
        with torch.device("meta"):
            network = build_side_network(config, backbone_config, side_config_of(config, backbone_config), parts)
        total = sum(p.numel() for p in network.parameters())
        down = sum(p.numel() for p in network.downsamples.parameters())
        assert total / 1e6 == pytest.approx(millions, abs=0.06)
        assert down / total == pytest.approx(share_of_downsamplers, abs=0.001)

    @pytest.mark.parametrize(("name", "millions"), [("opt-1.3b", 5.87), ("llama-2-13b", 54.75)])
    def test_has_the_parameters_of_the_paper_on_other_backbones(self, name: str, millions: float) -> None:
        # The released code has vectors where the paper has scalars: one part in a thousand.
        assert count(QSTConfig(), name) / 1e6 == pytest.approx(millions, rel=1.1e-3)

    def test_scalar_gates_are_what_its_code_has_more(self) -> None:
        by_vectors = count(QSTConfig(gate="vector"), "opt-1.3b", 4) - count(QSTConfig(), "opt-1.3b", 4)
        assert by_vectors == 4 * (2048 // 16 - 1)


def test_lst_trains_a_64th_of_each_block_and_a_tap_on_each() -> None:
    per_block = count(LSTConfig(), "llama-2-7b", 3) - count(LSTConfig(), "llama-2-7b", 2)
    width, ffn = 4096 // 8, 11008 // 8
    block = 4 * width**2 + 3 * width * ffn + 2 * width
    tap_and_gate = 4096 * width + width + 1
    assert per_block == block + tap_and_gate


@pytest.mark.parametrize(
    ("name", "num_layers"),
    [("llama-2-7b", 6), ("gpt2", 6), ("opt-1.3b", 6), ("gemma-2-2b", 4), ("pythia-160m", 6), ("phi-3-mini", 4)],
)
class TestMatching:
    def test_xladder_is_given_the_parameters_of_a_ladder_within_2_percent(self, name: str, num_layers: int) -> None:
        backbone_config, parts = on_meta(name, num_layers)
        ladder = LadderConfig(reduction_factor=8)
        wanted = count_side_parameters(ladder, backbone_config, parts)
        for delta in (None, 2):  # two taps and two free blocks: much wider than the ladder's
            xladder = XLadderConfig(delta=delta, match_params=ladder)
            match_parameters(xladder, backbone_config, parts)
            assert count_side_parameters(xladder, backbone_config, parts) == pytest.approx(wanted, rel=0.02)
            assert xladder.match_params == wanted

    @pytest.mark.parametrize("number", [2_345_678])
    def test_xladder_is_given_a_number_of_parameters_within_2_percent(
        self, name: str, num_layers: int, number: int
    ) -> None:
        backbone_config, parts = on_meta(name, num_layers)
        xladder = XLadderConfig(match_params=number)
        match_parameters(xladder, backbone_config, parts)
        assert count_side_parameters(xladder, backbone_config, parts) == pytest.approx(number, rel=0.02)


class TestMatchingOnAModel:
    def test_the_chosen_widths_are_saved_and_come_back(
        self, tuned: Callable[..., Any], backbone: Callable[..., Any], token_ids: Tensor, tmp_path: Path
    ) -> None:
        model = tuned(XLadderConfig, match_params=LadderConfig(reduction_factor=2))
        chosen = model.peft_config["default"]
        model.save_pretrained(tmp_path)

        loaded = PeftModel.from_pretrained(backbone(), tmp_path, is_trainable=True)

        again = loaded.peft_config["default"]
        assert (again.side_width, again.side_ffn_width) == (chosen.side_width, chosen.side_ffn_width)
        assert again.match_params == chosen.match_params
        assert model.get_nb_trainable_parameters() == loaded.get_nb_trainable_parameters()
        assert model.get_nb_trainable_parameters()[0] == pytest.approx(chosen.match_params, rel=0.02)

    @pytest.mark.parametrize("impossible", [50, 10**9])
    def test_a_number_that_no_width_reaches_is_refused(self, tuned: Callable[..., Any], impossible: int) -> None:
        with pytest.raises(ValueError, match=f"match_params={impossible:,} cannot be met on this backbone"):
            tuned(XLadderConfig, match_params=impossible)

    def test_widths_that_miss_the_number_are_refused(self, tuned: Callable[..., Any]) -> None:
        with pytest.raises(ValueError, match="cannot be met with the given side_width"):
            tuned(XLadderConfig, match_params=100_000, side_width=16)

    def test_light_blocks_take_any_width(self, tuned: Callable[..., Any]) -> None:
        model = tuned(XLadderConfig, match_params=20_000, side_block="light")
        assert model.get_nb_trainable_parameters()[0] == pytest.approx(20_000, rel=0.02)


def longest_path(model: Any, ids: Tensor) -> int:
    """Most blocks that one after the other work on a token before the head sees it, seen while the model runs."""
    network = model.base_model.side_layer.network
    depth = {"backbone": 0, "side": 0}

    def after_backbone(index: int) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            depth["backbone"] += 1
            for side in network._side_blocks_of.get(index, []):
                feeding = depth["backbone"] if network.tap_map[side] is not None else 0
                depth["side"] = max(depth["side"], feeding) + 1

        return hook

    for index, block in enumerate(find_decoder(model.get_base_model()).blocks):
        block.register_forward_hook(after_backbone(index))
    model(ids)
    return max(depth.values())


@pytest.mark.parametrize("delta", [1, 2, 3])
def test_xladder_is_delta_blocks_deeper_than_ladder(tuned: Callable[..., Any], token_ids: Tensor, delta: int) -> None:
    num_layers = 4
    # A side block runs behind the backbone block whose output feeds it: one block more than the papers count.
    assert longest_path(tuned(LadderConfig), token_ids) == num_layers + 1
    assert longest_path(tuned(XLadderConfig, delta=delta), token_ids) == num_layers + delta + 1


def test_counting_leaves_the_config_alone() -> None:
    config = XLadderConfig()
    before = copy.deepcopy(config)
    count(config, "gpt2", 2)
    assert config == before
