"""Names of modules for people."""

from __future__ import annotations

import pytest

from ladderscope.memory.names import MODEL, OUTSIDE, Place, place_of, plain_name


@pytest.mark.parametrize(
    ("module", "place"),
    [
        ("", Place(OUTSIDE, None, "")),
        ("PeftModelForCausalLM", Place(MODEL, None, "")),
        ("base_model.model", Place(MODEL, None, "")),
        ("base_model.model.model.layers.12.mlp.up_proj.base_layer", Place("model.layers.*", 12, "mlp.up_proj")),
        ("model.layers.3.mlp.experts.7.w1", Place("model.layers.*", 3, "mlp.experts.*.w1")),
        ("base_model.model.model.norm.side_network.default.gates.2", Place("side_network.gates.*", 2, "")),
        ("lm_head", Place("lm_head", None, "")),
        ("0", Place("*", 0, "")),
        ("h2o.block", Place("h2o.block", None, "")),
    ],
)
def test_a_block_its_number_and_what_is_inside(module: str, place: Place) -> None:
    assert place_of(module) == place
    assert "base_model" not in plain_name(module)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("base_model.model.lm_head", "lm_head"),
        ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.default", "model.layers.0.self_attn.q_proj.lora_A"),
        ("base_model.model.model.norm.side_network.default.blocks.3.mlp", "side_network.blocks.3.mlp"),
        ("base_model.modelling", "base_model.modelling"),
        ("my_side_networks.blocks.3", "my_side_networks.blocks.3"),
        ("encoder.base_model.model.head", "encoder.base_model.model.head"),
    ],
)
def test_wrappers_are_left_out_and_nothing_else(module: str, name: str) -> None:
    assert plain_name(module) == name


@pytest.mark.parametrize("module", ["default", "base_layer", "default.base_layer", "naïve 模型", "it's", 'a "b"'])
def test_a_module_of_the_user_is_never_without_a_name(module: str) -> None:
    assert plain_name(module) == module
