"""Backbones spread over devices by accelerate: side blocks go where the backbone block is that feeds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.hooks import AlignDevicesHook, add_hook_to_module
from peft import get_peft_model
from torch import Tensor
from transformers import AutoModelForCausalLM

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

CONFIGS: list[Any] = [LSTConfig, QSTConfig, LadderConfig, XLadderConfig]
BEHIND = ["model.norm", "lm_head"]
BEFORE = ["model.embed_tokens", "model.rotary_emb"]

MakeModel = Callable[..., Any]
Train = Callable[..., list[float]]


def attach(model: Any, make_config: Any) -> Any:
    torch.manual_seed(1)
    return get_peft_model(model, make_config(reduction_factor=2, task_type="CAUSAL_LM"))


@pytest.mark.parametrize("make_config", CONFIGS)
@pytest.mark.parametrize("norm_on", ["cpu", "disk"])
def test_trains_beside_a_backbone_that_is_partly_on_disk(
    make_config: Any, norm_on: str, backbone: MakeModel, train: Train, token_ids: Tensor, tmp_path: Path
) -> None:
    backbone().save_pretrained(tmp_path / "backbone")
    device_map = dict.fromkeys((*BEFORE, "model.layers.0", "model.layers.2"), "cpu")
    device_map |= dict.fromkeys(("model.layers.1", "model.layers.3"), "disk")
    device_map |= dict.fromkeys(BEHIND, norm_on)
    offloaded = AutoModelForCausalLM.from_pretrained(
        tmp_path / "backbone", device_map=device_map, offload_folder=tmp_path / "offload"
    )
    assert any(parameter.is_meta for parameter in offloaded.parameters())
    expected = train(attach(backbone(), make_config), token_ids, steps=3)
    assert train(attach(offloaded, make_config), token_ids, steps=3) == expected


@pytest.mark.parametrize("make_config", CONFIGS)
def test_tensors_of_two_devices_never_meet(make_config: Any, backbone: MakeModel, token_ids: Tensor) -> None:
    """With ``meta`` as the second device: it computes no values, and refuses to meet those of the CPU."""
    model = backbone()
    for module in (*model.model.layers[2:], model.model.norm, model.lm_head):
        module.to("meta")
        add_hook_to_module(module, AlignDevicesHook(execution_device="meta"))
    model = attach(model, make_config).train()
    network = model.base_model.side_layer.network
    devices = [next(block.parameters()).device.type for block in network.blocks]
    assert devices == (["meta"] * 4 if make_config is XLadderConfig else ["cpu", "cpu", "meta", "meta"])
    loss = model(input_ids=token_ids, labels=token_ids.to("meta")).loss
    assert loss.device.type == "meta"
    assert loss.requires_grad  # its gradient could not come back from there


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.parametrize("make_config", CONFIGS)
def test_two_gpus_give_the_losses_of_one(
    make_config: Any, backbone: MakeModel, train: Train, token_ids: Tensor, tmp_path: Path
) -> None:
    backbone().save_pretrained(tmp_path)
    device_map: dict[str, Any] = dict.fromkeys((*BEFORE, "model.layers.0", "model.layers.1"), 0)
    device_map |= dict.fromkeys(("model.layers.2", "model.layers.3", *BEHIND), 1)
    spread = AutoModelForCausalLM.from_pretrained(tmp_path, device_map=device_map)
    whole = AutoModelForCausalLM.from_pretrained(tmp_path, device_map={"": 0})
    ids = token_ids.to("cuda:0")
    expected = train(attach(whole, make_config), ids, steps=3)
    model = attach(spread, make_config)
    assert train(model, ids, steps=3) == pytest.approx(expected, rel=1e-4)
    of_last = model.base_model.side_layer.network.blocks[-1]
    assert {parameter.device.index for parameter in of_last.parameters()} == {1}
