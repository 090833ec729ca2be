"""What autograd keeps for the backward pass: nothing of the backbone, but the input of a trained tap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model, prepare_model_for_kbit_training
from torch import Tensor

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig

CONFIGS: list[Any] = [LSTConfig, QSTConfig, LadderConfig, XLadderConfig]
FULL, SIDE, FP32 = 64, 32, 4  # widths of backbone and side network, bytes of a number
STORAGES = ("full", "int8", "pooled")

MakeModel = Callable[..., Any]


class SavedTensors:
    """What autograd keeps while backbone and side blocks run, parameters and buffers left out."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._of_the_model = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
        self._watching = False
        self.tensors: list[Tensor] = []
        # The final norm and the head come after the side network and are differentiated in every method.
        model.base_model.side_layer.register_forward_pre_hook(lambda *_: setattr(self, "_watching", False))

    def of_a_step(self, ids: Tensor) -> SavedTensors:
        """Of the second step: the first may find principal directions."""
        for self._watching in (False, True):
            with torch.autograd.graph.saved_tensors_hooks(self._keep, lambda tensor: tensor):
                self._model(input_ids=ids, labels=ids, use_cache=False)
        return self

    def _keep(self, tensor: Tensor) -> Tensor:
        if self._watching and tensor.untyped_storage().data_ptr() not in self._of_the_model:
            self.tensors.append(tensor)
        return tensor

    @property
    def num_bytes(self) -> int:
        return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in self.tensors}.values())


def saved_bytes(model: Any, ids: Tensor) -> int:
    return SavedTensors(model.train()).of_a_step(ids).num_bytes


def gradients(model: Any, ids: Tensor) -> dict[str, Tensor]:
    # In fp64: the parameters are small, and the order of sums differs between the variants.
    model.double().train()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():  # off the start, where the way out is closed and nothing behind it has a gradient
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    model(input_ids=ids, labels=ids).loss.backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert all(gradient.abs().sum() > 0 for gradient in found.values())
    return found


@pytest.mark.parametrize("make_config", CONFIGS)
class TestNothingOfTheBackboneIsKept:
    def test_but_the_inputs_of_trained_taps(self, make_config: Any, tuned: MakeModel, token_ids: Tensor) -> None:
        saved = SavedTensors(tuned(make_config, reduction_factor=8).train()).of_a_step(token_ids)
        of_full_width = [tensor for tensor in saved.tensors if tensor.dim() and tensor.shape[-1] == FULL]
        num_taps = {LSTConfig: 5, QSTConfig: 5}.get(make_config, 0)  # four blocks and the embeddings
        assert len(of_full_width) == num_taps
        assert all(tensor.shape == (*token_ids.shape, FULL) for tensor in of_full_width)
        narrow = [tensor for tensor in saved.tensors if tensor.dim() and tensor.shape[-1] != FULL]
        assert max(tensor.shape[-1] for tensor in narrow) <= 128 // 8  # the feed-forward of the side blocks

    @pytest.mark.parametrize("switch", ["input_grads", "checkpointing", "kbit"])
    def test_whatever_trainers_switch_on(
        self, make_config: Any, tuned: MakeModel, backbone: MakeModel, token_ids: Tensor, switch: str
    ) -> None:
        expected = saved_bytes(tuned(make_config), token_ids)
        model = tuned(make_config)
        if switch == "input_grads":
            model.enable_input_require_grads()
        elif switch == "checkpointing":
            model.gradient_checkpointing_enable()
        else:
            prepared = prepare_model_for_kbit_training(backbone())
            torch.manual_seed(1)
            model = get_peft_model(prepared, make_config(reduction_factor=2, task_type="CAUSAL_LM"))
        # Fewer where checkpointing reaches the side blocks, which are of the backbone's class.
        assert 0 < saved_bytes(model, token_ids) <= expected

    def test_recomputed_side_blocks_keep_less_and_give_the_same_gradients(
        self, make_config: Any, tuned: MakeModel, token_ids: Tensor
    ) -> None:
        plain = saved_bytes(tuned(make_config), token_ids)
        assert saved_bytes(tuned(make_config, checkpoint_blocks=True), token_ids) < plain / 2
        expected = gradients(tuned(make_config), token_ids)
        actual = gradients(tuned(make_config, checkpoint_blocks=True), token_ids)
        assert actual.keys() == expected.keys()
        for name, gradient in actual.items():
            torch.testing.assert_close(gradient, expected[name], msg=name)


def test_a_linear_tap_keeps_its_own_input_and_no_more(tuned: MakeModel, token_ids: Tensor) -> None:
    narrow = saved_bytes(tuned(LadderConfig), token_ids)
    linear = saved_bytes(tuned(LadderConfig, downsample="linear"), token_ids)
    assert linear - narrow == 4 * token_ids.numel() * (FULL - SIDE) * FP32


@pytest.mark.parametrize("make_config", [LSTConfig, QSTConfig])
class TestHowTapsAreStored:
    def test_eight_bits_take_about_a_quarter_and_pooling_exactly(
        self, make_config: Any, tuned: MakeModel, token_ids: Tensor
    ) -> None:
        taps = 5 * token_ids.numel() * FULL * FP32
        kept = {storage: saved_bytes(tuned(make_config, tap_storage=storage), token_ids) for storage in STORAGES}
        assert kept["full"] - kept["pooled"] == taps * 3 // 4
        in_eight_bits = taps - (kept["full"] - kept["int8"])
        assert taps / 4 < in_eight_bits < 0.3 * taps  # with what scales and outliers take

    def test_eight_bits_give_nearly_the_same_gradients(
        self, make_config: Any, tuned: MakeModel, token_ids: Tensor
    ) -> None:
        expected = gradients(tuned(make_config), token_ids)
        actual = gradients(tuned(make_config, tap_storage="int8"), token_ids)
        for name, gradient in actual.items():
            error = torch.linalg.vector_norm(gradient - expected[name])
            assert error <= 0.02 * torch.linalg.vector_norm(expected[name]), name
