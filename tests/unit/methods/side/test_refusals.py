"""Models that a side network cannot stand beside are refused with one sentence that says why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, SideLayer, XLadderConfig

CONFIGS: list[Any] = [LSTConfig, QSTConfig, LadderConfig, XLadderConfig]
SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 512,
    "pad_token_id": 0,
}
MAMBA = {"mamba_d_ssm": 64, "mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_chunk_size": 16}
SMALL_T5 = {"d_model": 32, "d_ff": 64, "d_kv": 8, "num_layers": 2, "num_heads": 4, "vocab_size": 64}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "bert": (SIZES | {"is_decoder": False}, "BertLMHeadModel is an encoder"),
    "t5": (SMALL_T5, "T5ForConditionalGeneration is an encoder-decoder"),
    "mamba": (SIZES | {"state_size": 4}, "MambaForCausalLM has blocks without attention"),
    "jamba": (SIZES | {"num_experts": 2}, "JambaForCausalLM has blocks without attention"),
    "falcon_h1": (SIZES | MAMBA, "FalconH1ForCausalLM has blocks without attention, or with more"),
    "minimax": (SIZES | {"num_local_experts": 2}, "MiniMaxForCausalLM has blocks without attention"),
    "rwkv": (SIZES | {"attention_hidden_size": 64}, "RwkvForCausalLM has blocks without attention"),
    "gemma3n_text": (
        SIZES | {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 512, "num_kv_shared_layers": 0},
        "Gemma3nForCausalLM: its blocks hand each other more than one hidden state",
    ),
    "openai-gpt": ({"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 512}, "no norm after its blocks"),
}


def make_model(model_type: str, settings: dict[str, Any]) -> Any:
    known = AutoConfig.for_model(model_type)
    config = AutoConfig.for_model(model_type, **{k: v for k, v in settings.items() if hasattr(known, k)})
    return (AutoModelForSeq2SeqLM if model_type == "t5" else AutoModelForCausalLM).from_config(config)


@pytest.mark.parametrize("model_type", REFUSED)
def test_another_kind_of_model(model_type: str) -> None:
    settings, reason = REFUSED[model_type]
    model = make_model(model_type, settings)
    for make_config in CONFIGS:
        with pytest.raises(ValueError, match=reason):
            get_peft_model(model, make_config(reduction_factor=2))
    assert not any(isinstance(module, SideLayer) for module in model.modules())


def test_a_model_whose_blocks_are_not_as_many_as_its_config_says(backbone: Callable[..., Any]) -> None:
    model = backbone()
    model.model.layers = nn.ModuleList(model.model.layers[:3])
    with pytest.raises(ValueError, match="no list of 4 blocks"):
        get_peft_model(model, LadderConfig(reduction_factor=2))


def test_the_kernels_of_the_flash_attention_package(backbone: Callable[..., Any]) -> None:
    model = backbone()
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ValueError, match=r'flash_attention_2.* load the model with attn_implementation="sdpa"'):
        get_peft_model(model, LadderConfig(reduction_factor=2))


def test_a_reduction_that_does_not_fit_names_those_that_do(tuned: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="use one of 1, 2, 4, 8"):
        tuned(reduction_factor=3)


def test_modules_to_save_inside_the_decoder(tuned: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="'embed_tokens', which is inside the decoder"):
        tuned(modules_to_save=["embed_tokens"])


def test_replicas_of_data_parallel(tuned: Callable[..., Any], token_ids: Tensor) -> None:
    model = tuned()
    decoder = model.get_base_model().model
    decoder._is_replica = True  # as torch.nn.parallel.replicate marks its copies, which need GPUs
    with pytest.raises(NotImplementedError, match="do not work under DataParallel: use one GPU for each process"):
        model(input_ids=token_ids)


def test_rows_for_several_adapters(tuned: Callable[..., Any], token_ids: Tensor) -> None:
    model = tuned()
    model.add_adapter("second", LadderConfig(reduction_factor=2))
    with pytest.raises(NotImplementedError, match="several adapters in one batch"):
        model(input_ids=token_ids, adapter_names=["default", "second"])


def test_two_active_adapters(tuned: Callable[..., Any]) -> None:
    model = tuned()
    model.add_adapter("second", LadderConfig(reduction_factor=2))
    with pytest.raises(ValueError, match="one side network can be active at a time, not default, second"):
        model.base_model.set_adapter(["default", "second"])


@pytest.mark.parametrize("merge", ["merge_and_unload", "merge_adapter", "unmerge_adapter"])
def test_merging(tuned: Callable[..., Any], merge: str) -> None:
    with pytest.raises(NotImplementedError, match="cannot be merged into the backbone: what it adds depends on"):
        getattr(tuned(), merge)()


def test_merging_the_layer(tuned: Callable[..., Any]) -> None:
    layer = tuned().base_model.side_layer
    for merge in (layer.merge, layer.unmerge):
        with pytest.raises(NotImplementedError, match="unload"):
            merge()


def test_a_forward_that_fails_midway_leaves_nothing_behind(
    tuned: Callable[..., Any], backbone: Callable[..., Any], logits: Callable[..., Tensor], token_ids: Tensor
) -> None:
    model = tuned().train()

    def fail(*_: Any) -> None:
        raise RuntimeError("midway")

    handle = model.get_base_model().model.layers[2].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="midway"):
        model(input_ids=token_ids)
    handle.remove()
    assert model.base_model.side_layer.lockstep.stream is None
    assert torch.equal(logits(model.eval(), token_ids), logits(backbone(), token_ids))
