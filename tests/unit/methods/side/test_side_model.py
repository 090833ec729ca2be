"""What every side network must hold, over the methods and the architectures."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel, get_peft_model, prepare_model_for_kbit_training
from safetensors import safe_open
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.methods.side import LadderConfig, SideConfig, SideLayer, XLadderConfig

CONFIGS: list[Any] = [LadderConfig, XLadderConfig]
ARCHITECTURES = ["llama", "qwen2", "qwen3", "mistral", "gemma2", "phi3", "gpt2", "opt", "gpt_neox"]

MakeConfig = Callable[..., SideConfig]


def backbone(model_type: str = "llama") -> Any:
    sizes = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 512}
    sizes |= {"max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    if model_type in ("llama", "qwen2", "qwen3", "mistral", "gemma2"):
        sizes["num_key_value_heads"] = 2
    if model_type in ("qwen3", "gemma2"):
        sizes["head_dim"] = 16
    sizes |= {"opt": {"ffn_dim": 128, "word_embed_proj_dim": 64}, "gpt2": {}}.get(
        model_type, {"intermediate_size": 128}
    )
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **sizes)).eval()


def tuned(make_config: MakeConfig = LadderConfig, model_type: str = "llama", **settings: Any) -> Any:
    torch.manual_seed(1)
    return get_peft_model(
        backbone(model_type), make_config(**{"reduction_factor": 2, **settings}, task_type="CAUSAL_LM")
    )


def train(model: Any, ids: Tensor, steps: int = 10) -> list[float]:
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()  # GPT-2's and OPT's side blocks have the dropout of their architecture
    return losses


@torch.no_grad()
def logits(model: Any, ids: Tensor) -> Tensor:
    out: Tensor = model(input_ids=ids, use_cache=False).logits
    return out


@pytest.mark.parametrize("model_type", ARCHITECTURES)
@pytest.mark.parametrize("make_config", CONFIGS)
class TestEveryArchitecture:
    def test_starts_as_the_backbone_bit_for_bit_in_training_mode_too(
        self, make_config: MakeConfig, model_type: str, token_ids: Tensor
    ) -> None:
        expected = logits(backbone(model_type), token_ids)
        model = tuned(make_config, model_type)
        assert torch.equal(logits(model, token_ids), expected)
        assert torch.equal(logits(model.train(), token_ids), expected)

    def test_learns_and_can_be_switched_off(self, make_config: MakeConfig, model_type: str, token_ids: Tensor) -> None:
        model = tuned(make_config, model_type)
        losses = train(model, token_ids)
        assert losses[-1] < losses[0] - 0.1
        with model.disable_adapter():
            assert torch.equal(logits(model, token_ids), logits(backbone(model_type), token_ids))

    def test_every_side_parameter_and_nothing_else_gets_a_gradient(
        self, make_config: MakeConfig, model_type: str, token_ids: Tensor
    ) -> None:
        model = tuned(make_config, model_type)
        train(model, token_ids, steps=2)  # the first step moves the zero projection only
        model(input_ids=token_ids, labels=token_ids).loss.backward()
        for name, parameter in model.named_parameters():
            assert (parameter.grad is not None) == (".side_network." in name), name

    def test_saves_and_loads_under_another_name(
        self, make_config: MakeConfig, model_type: str, token_ids: Tensor, tmp_path: Path
    ) -> None:
        model = tuned(make_config, model_type)
        train(model, token_ids, steps=3)
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(model_type), tmp_path, adapter_name="other")
        assert torch.equal(logits(loaded, token_ids), logits(model, token_ids))

    def test_a_token_sees_only_what_is_before_it(
        self, make_config: MakeConfig, model_type: str, token_ids: Tensor
    ) -> None:
        model = tuned(make_config, model_type)
        train(model, token_ids, steps=3)
        changed = token_ids.clone()
        changed[:, 8:] = 7
        torch.testing.assert_close(logits(model, changed)[:, :8], logits(model, token_ids)[:, :8])


class SavedTensors:
    """Bytes and shapes of what autograd keeps while the backbone and the side blocks run, parameters left out."""

    def __init__(self, model: Any) -> None:
        self.tensors: list[Tensor] = []
        parameters = {p.untyped_storage().data_ptr() for p in model.parameters()}

        def keep(tensor: Tensor) -> Tensor:
            if self._watching and tensor.untyped_storage().data_ptr() not in parameters:
                self.tensors.append(tensor)
            return tensor

        self._watching = True
        self._hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
        (layer,) = (module for module in model.modules() if isinstance(module, SideLayer))
        # The final norm and the head come after the side network and are differentiated in every method.
        layer.register_forward_pre_hook(lambda *_: setattr(self, "_watching", False))

    def of(self, run: Callable[[], Any]) -> list[Tensor]:
        self._watching = True
        with self._hooks:
            run()
        return self.tensors

    @property
    def num_bytes(self) -> int:
        return sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in self.tensors}.values())


def saved_bytes(model: Any, ids: Tensor) -> int:
    saved = SavedTensors(model)
    saved.of(lambda: model(input_ids=ids, labels=ids, use_cache=False))
    return saved.num_bytes


@pytest.mark.parametrize("make_config", CONFIGS)
class TestNoBackboneActivationIsKept:
    def test_nothing_of_the_backbones_width_is_saved_for_backward(
        self, make_config: MakeConfig, token_ids: Tensor
    ) -> None:
        model = tuned(make_config, reduction_factor=8).train()
        saved = SavedTensors(model).of(lambda: model(input_ids=token_ids, labels=token_ids, use_cache=False))
        widest_of_the_side_network = 128 // 8
        assert saved
        assert max(tensor.shape[-1] for tensor in saved if tensor.dim()) <= widest_of_the_side_network

    def test_a_linear_tap_keeps_its_own_input_and_no_more(self, make_config: MakeConfig, token_ids: Tensor) -> None:
        narrow = saved_bytes(tuned(make_config).train(), token_ids)
        linear = saved_bytes(tuned(make_config, downsample="linear").train(), token_ids)
        num_taps = 4 if make_config is LadderConfig else 2
        full_width, side_width, fp32 = 64, 32, 4
        assert linear - narrow == num_taps * token_ids.numel() * (full_width - side_width) * fp32

    @pytest.mark.parametrize("switch", ["input_grads", "checkpointing", "kbit"])
    def test_what_trainers_switch_on_does_not_bring_the_backbone_back(
        self, make_config: MakeConfig, token_ids: Tensor, switch: str
    ) -> None:
        expected = saved_bytes(tuned(make_config).train(), token_ids)
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
        assert 0 < saved_bytes(model.train(), token_ids) <= expected


def test_three_files_are_saved_without_the_adapter_name(token_ids: Tensor, tmp_path: Path) -> None:
    tuned().save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "README.md",
    }
    with safe_open(tmp_path / "adapter_model.safetensors", "pt") as file:
        assert all(".side_network." in key and "default" not in key for key in file.keys())  # noqa: SIM118


def test_auto_class_loads_backbone_and_adapter(token_ids: Tensor, tmp_path: Path) -> None:
    backbone().save_pretrained(tmp_path / "backbone")
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(tmp_path / "backbone"),
        LadderConfig(reduction_factor=2, task_type="CAUSAL_LM"),
    )
    train(model, token_ids, steps=2)
    model.save_pretrained(tmp_path / "adapter")
    loaded = AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapter")
    assert torch.equal(logits(loaded, token_ids), logits(model.eval(), token_ids))


def test_two_adapters_do_not_mix(token_ids: Tensor) -> None:
    model = tuned()
    train(model, token_ids, steps=3)
    first = logits(model, token_ids)
    model.add_adapter("second", LadderConfig(reduction_factor=4, task_type="CAUSAL_LM"))
    assert torch.equal(logits(model, token_ids), first)
    model.set_adapter("second")
    assert torch.equal(logits(model, token_ids), logits(backbone(), token_ids))
    train(model, token_ids, steps=3)
    model.set_adapter("default")
    assert torch.equal(logits(model, token_ids), first)


def test_unloading_gives_the_backbone_without_hooks(token_ids: Tensor) -> None:
    model = tuned()
    train(model, token_ids, steps=3)
    plain = model.unload()
    assert torch.equal(logits(plain.eval(), token_ids), logits(backbone(), token_ids))
    assert not any(isinstance(module, SideLayer) or module._forward_hooks for module in plain.modules())


def test_a_deep_copy_feeds_its_own_side_network(token_ids: Tensor) -> None:
    model = tuned()
    train(model, token_ids, steps=3)
    twin = copy.deepcopy(model)
    expected = logits(model, token_ids)
    train(model, token_ids, steps=3)
    assert torch.equal(logits(twin, token_ids), expected)


def test_merging_is_refused_with_the_reason() -> None:
    with pytest.raises(NotImplementedError, match="cannot be merged"):
        tuned().merge_and_unload()


def test_generation_without_cache_works_and_with_a_filled_cache_is_refused(token_ids: Tensor) -> None:
    model = tuned()
    train(model, token_ids, steps=3)
    model.eval()
    out = model.generate(input_ids=token_ids, max_new_tokens=4, do_sample=False, use_cache=False)
    assert out.shape == (2, 20)
    with pytest.raises(NotImplementedError, match="use_cache=False"):
        model.generate(input_ids=token_ids, max_new_tokens=4, do_sample=False, use_cache=True)


@pytest.mark.parametrize("quantization", ["nf4", "nf4-dq", "int8"])
def test_learns_beside_a_quantised_backbone(
    tiny_model: Callable[..., Any], token_ids: Tensor, quantization: str
) -> None:
    model = tiny_model(quantization=quantization, dtype=torch.bfloat16)
    expected = logits(model, token_ids)
    model = get_peft_model(model, LadderConfig(reduction_factor=2, task_type="CAUSAL_LM"))
    assert torch.equal(logits(model, token_ids), expected)
    losses = train(model, token_ids)
    assert losses[-1] < losses[0] - 0.05


def test_an_encoder_decoder_is_refused() -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(d_model=32, d_ff=64, d_kv=8, num_layers=2, num_heads=4, vocab_size=64)
    with pytest.raises(ValueError, match="decoder-only"):
        get_peft_model(T5ForConditionalGeneration(config), LadderConfig(reduction_factor=2))


def test_a_reduction_that_does_not_fit_names_those_that_do() -> None:
    with pytest.raises(ValueError, match="use one of 1, 2, 4, 8"):
        tuned(reduction_factor=3)


def test_a_model_of_plain_modules_is_refused() -> None:
    model = backbone()
    model.model.layers = nn.ModuleList(model.model.layers[:3])
    with pytest.raises(ValueError, match="no list of 4 blocks"):
        get_peft_model(model, LadderConfig(reduction_factor=2))


def test_switched_off_the_model_is_the_backbone_for_gradients_too(token_ids: Tensor) -> None:
    model = tuned()
    embeddings = model.get_input_embeddings()(token_ids).detach().requires_grad_()
    with model.disable_adapter():
        model(inputs_embeds=embeddings, labels=token_ids).loss.backward()
    assert embeddings.grad is not None
    assert embeddings.grad.abs().sum() > 0


def test_a_forward_that_fails_midway_leaves_nothing_behind(token_ids: Tensor) -> None:
    model = tuned().train()
    (layer,) = (module for module in model.modules() if isinstance(module, SideLayer))

    def fail(*_: Any) -> None:
        raise RuntimeError("midway")

    handle = model.base_model.model.model.layers[2].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="midway"):
        model(input_ids=token_ids)
    handle.remove()
    assert layer._stream is None
    assert torch.equal(logits(copy.deepcopy(model), token_ids), logits(backbone(), token_ids))


def test_rotary_frequencies_stay_in_full_precision_beside_a_bf16_backbone(tiny_model: Callable[..., Any]) -> None:
    model = get_peft_model(tiny_model(dtype=torch.bfloat16), LadderConfig(reduction_factor=2))
    frequencies = [buffer for name, buffer in model.named_buffers() if "inv_freq" in name]
    assert len(frequencies) >= 2
    assert {buffer.dtype for buffer in frequencies} == {torch.float32}
