"""``checkpoint_blocks``: side blocks computed again in backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

CASES: list[Any] = [
    (LSTConfig, {}),
    (LSTConfig, {"dropout": 0.2}),
    (QSTConfig, {"gate_init": 0.5}),
    (LadderConfig, {"basis": "random"}),
    (LadderConfig, {"downsample": "avg-pool", "side_block": "light", "dropout": 0.2}),
    (XLadderConfig, {"downsample": "linear", "tap_storage": "int8"}),
]


def step(model: Any, ids: Tensor) -> tuple[Tensor, list[Tensor]]:
    network = model.base_model.side_layer.network
    torch.manual_seed(3)
    torch.nn.init.normal_(network.output.upsample.weight)
    if hasattr(network.output, "alpha"):
        torch.nn.init.constant_(network.output.alpha, 0.5)
    loss = model.train()(input_ids=ids, labels=ids).loss
    loss.backward()
    return loss, [parameter.grad for parameter in network.parameters()]


@pytest.mark.parametrize(("make_config", "settings"), CASES)
@pytest.mark.parametrize("model_type", ["llama", "gpt2"])
def test_loss_and_gradients_are_the_same_also_under_dropout(
    tuned: Callable[..., Any], token_ids: Tensor, make_config: Any, settings: dict[str, Any], model_type: str
) -> None:
    kept, again = (
        step(tuned(make_config, model_type, checkpoint_blocks=each, **settings), token_ids) for each in (False, True)
    )
    assert torch.equal(kept[0], again[0])
    for one, other in zip(kept[1], again[1], strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("downsample", ["frozen", "linear"])
def test_every_side_block_runs_twice_in_training_and_once_otherwise(
    tuned: Callable[..., Any], token_ids: Tensor, downsample: str
) -> None:
    model = tuned(LadderConfig, checkpoint_blocks=True, downsample=downsample)
    runs = []
    for block in model.base_model.side_layer.network.blocks:
        block.register_forward_pre_hook(lambda module, args: runs.append(module))
    step(model, token_ids)
    assert len(runs) == 8
    runs.clear()
    with torch.no_grad():
        model.eval()(token_ids)
    assert len(runs) == 4


@pytest.mark.parametrize("downsample", ["frozen", "linear", "adapter"])
def test_less_is_kept_for_backward(tuned: Callable[..., Any], token_ids: Tensor, downsample: str) -> None:
    def kept(checkpoint: bool) -> int:
        sizes: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        model = tuned(LadderConfig, checkpoint_blocks=checkpoint, downsample=downsample).train()
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            alive = model(token_ids).logits
        del alive
        return sum(sizes.values())

    assert kept(True) < 0.6 * kept(False)
