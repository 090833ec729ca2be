"""What PEFT's users do with an adapter, done with a side network."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import (
    AutoPeftModelForCausalLM,
    PeftModel,
    get_layer_status,
    get_model_status,
    get_peft_model,
    inject_adapter_in_model,
)
from safetensors import safe_open
from torch import Tensor

from ladderscope import __version__
from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, SideLayer, XLadderConfig

CONFIGS: list[Any] = [LSTConfig, QSTConfig, LadderConfig, XLadderConfig]

Logits = Callable[..., Tensor]
MakeModel = Callable[..., Any]
Train = Callable[..., list[float]]


@pytest.fixture
def trained(tuned: MakeModel, train: Train, token_ids: Tensor) -> MakeModel:
    def make(make_config: Any = LadderConfig, **settings: Any) -> Any:
        model = tuned(make_config, **settings)
        train(model, token_ids, steps=3, lr=3e-2)
        return model

    return make


@pytest.mark.parametrize("make_config", CONFIGS)
class TestSavingAndLoading:
    def test_three_files_are_saved_without_the_adapter_name(
        self, make_config: Any, tuned: MakeModel, tmp_path: Path
    ) -> None:
        tuned(make_config).save_pretrained(tmp_path)
        names = {path.name for path in tmp_path.iterdir()}
        assert names == {"adapter_config.json", "adapter_model.safetensors", "README.md"}
        with safe_open(tmp_path / "adapter_model.safetensors", "pt") as file:
            assert all(".side_network." in key and "default" not in key for key in file.keys())  # noqa: SIM118
        assert json.loads((tmp_path / "adapter_config.json").read_text())["ladderscope_version"] == __version__

    @pytest.mark.parametrize("settings", [{}, {"low_cpu_mem_usage": True}, {"adapter_name": "other"}], ids=str)
    def test_loads_bit_for_bit(
        self,
        make_config: Any,
        settings: dict[str, Any],
        trained: MakeModel,
        backbone: MakeModel,
        logits: Logits,
        token_ids: Tensor,
        tmp_path: Path,
    ) -> None:
        model = trained(make_config)
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(), tmp_path, **settings)
        assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))
        assert not any(tensor.is_meta for tensor in (*loaded.parameters(), *loaded.buffers()))
        assert {parameter.requires_grad for parameter in loaded.parameters()} == {False}

    def test_a_loaded_adapter_learns_on(
        self,
        make_config: Any,
        trained: MakeModel,
        backbone: MakeModel,
        train: Train,
        token_ids: Tensor,
        tmp_path: Path,
    ) -> None:
        model = trained(make_config)
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(), tmp_path, is_trainable=True)
        assert train(loaded, token_ids, steps=3) == train(model, token_ids, steps=3)

    def test_a_trained_head_is_saved_and_loaded(
        self,
        make_config: Any,
        trained: MakeModel,
        backbone: MakeModel,
        logits: Logits,
        token_ids: Tensor,
        tmp_path: Path,
    ) -> None:
        model = trained(make_config, modules_to_save=["lm_head"])
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(), tmp_path)
        assert not torch.equal(loaded.get_output_embeddings().weight, backbone().lm_head.weight)
        assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))

    def test_switching_reporting_and_unloading(
        self, make_config: Any, trained: MakeModel, backbone: MakeModel, logits: Logits, token_ids: Tensor, capsys: Any
    ) -> None:
        model = trained(make_config)
        model.print_trainable_parameters()
        num_trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert f"trainable params: {num_trained:,}" in capsys.readouterr().out
        assert get_model_status(model).trainable_params == num_trained
        assert [status.module_type for status in get_layer_status(model)] == ["SideLayer"]
        expected = logits(backbone(), token_ids)
        with model.disable_adapter():
            assert torch.equal(logits(model, token_ids), expected)
        assert not torch.equal(logits(model, token_ids), expected)
        plain = model.unload()
        assert torch.equal(logits(plain.eval(), token_ids), expected)
        assert not any(isinstance(module, SideLayer) or module._forward_hooks for module in plain.modules())
        assert plain.state_dict().keys() == backbone().state_dict().keys()

    def test_a_deep_copy_feeds_its_own_side_network(
        self, make_config: Any, trained: MakeModel, train: Train, logits: Logits, token_ids: Tensor
    ) -> None:
        model = trained(make_config)
        twin = copy.deepcopy(model)
        expected = logits(model, token_ids)
        train(model, token_ids, steps=2)
        assert torch.equal(logits(twin, token_ids), expected)
        assert not torch.equal(logits(model, token_ids), expected)


def test_the_model_card_says_what_loading_needs_once(tuned: MakeModel, tmp_path: Path) -> None:
    model = tuned(QSTConfig)
    for _ in range(2):
        model.save_pretrained(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card.count("import ladderscope  # makes PEFT know the QST method") == 1


def test_the_auto_class_loads_backbone_and_adapter(
    trained: MakeModel, backbone: MakeModel, logits: Logits, token_ids: Tensor, tmp_path: Path
) -> None:
    backbone().save_pretrained(tmp_path / "backbone")
    model = trained()
    model.peft_config["default"].base_model_name_or_path = str(tmp_path / "backbone")
    model.save_pretrained(tmp_path / "adapter")
    loaded = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter")
    assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))


class TestSeveralAdapters:
    def test_of_one_method_with_other_choices(
        self, trained: MakeModel, train: Train, logits: Logits, token_ids: Tensor
    ) -> None:
        model = trained()
        first = logits(model, token_ids)
        like_qst: dict[str, Any] = {
            "downsample": "adapter",
            "downsample_norm": True,
            "embedding_tap": "shared",
            "output": "mix",
        }
        model.add_adapter("second", LadderConfig(reduction_factor=4, taps="every:2", **like_qst))
        assert torch.equal(logits(model, token_ids), first)
        model.set_adapter("second")
        train(model, token_ids, steps=3, lr=3e-2)
        second = logits(model, token_ids)
        assert not torch.equal(second, first)
        model.set_adapter("default")
        assert torch.equal(logits(model, token_ids), first)
        with pytest.warns(UserWarning, match="Setting active adapter to second"):
            model.delete_adapter("default")
        assert torch.equal(logits(model, token_ids), second)

    def test_are_saved_each_in_its_folder(
        self, trained: MakeModel, backbone: MakeModel, logits: Logits, token_ids: Tensor, tmp_path: Path
    ) -> None:
        model = trained()
        model.add_adapter("second", LadderConfig(reduction_factor=4))
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(), tmp_path)
        loaded.load_adapter(tmp_path / "second", adapter_name="second")
        assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))
        loaded.set_adapter("second")
        assert torch.equal(logits(loaded, token_ids), logits(backbone(), token_ids))

    def test_of_two_methods_are_refused_by_peft(self, tuned: MakeModel) -> None:
        with pytest.raises(ValueError, match="Found LADDER and QST"):
            tuned().add_adapter("second", QSTConfig(reduction_factor=2))


@pytest.mark.parametrize("make_config", CONFIGS)
def test_without_a_peft_model_around_it(
    make_config: Any, backbone: MakeModel, logits: Logits, token_ids: Tensor
) -> None:
    settings = {"peft_config": make_config(reduction_factor=2)}
    ways: list[Callable[[Any], Any]] = [
        lambda model: get_peft_model(model, **settings),
        lambda model: inject_adapter_in_model(model=model, **settings),
        lambda model: model.add_adapter(settings["peft_config"]) or model,
    ]
    first, *others = (logits(_seeded(way, backbone()), token_ids) for way in ways)
    for other in others:
        assert torch.equal(other, first)


def _seeded(attach: Callable[[Any], Any], model: Any) -> Any:
    torch.manual_seed(1)
    return attach(model)


def test_the_users_paths_into_the_model_stay(tuned: MakeModel) -> None:
    model = tuned()
    decoder = model.base_model.model.model
    assert type(decoder.layers[0]).__name__ == "LlamaDecoderLayer"
    assert isinstance(decoder.norm, SideLayer)
    assert model.base_model.side_layer is decoder.norm
    assert model.get_base_model().get_decoder() is decoder


def test_switched_off_the_model_is_the_backbone_for_gradients_too(tuned: MakeModel, token_ids: Tensor) -> None:
    model = tuned()
    embeddings = model.get_input_embeddings()(token_ids).detach().requires_grad_()
    with model.disable_adapter():
        model(inputs_embeds=embeddings, labels=token_ids).loss.backward()
    assert embeddings.grad is not None
    assert embeddings.grad.abs().sum() > 0
