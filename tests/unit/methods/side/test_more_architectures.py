"""Decoders beyond those of every other test, each with one light test: nothing in the package names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.methods.side import LadderConfig

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_kv_heads": 2,
    "head_dim": 16,
    "vocab_size": 128,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "sliding_window": 8,
    # experts
    "moe_intermediate_size": 32,
    "shared_expert_intermediate_size": 32,
    "num_experts": 4,
    "num_local_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    # other names for the same
    "n_embd": 64,
    "n_layer": 2,
    "n_head": 4,
    "n_inner": 128,
    "n_positions": 64,
    "d_model": 64,
    "n_heads": 4,
    "n_layers": 2,
    "num_layers": 2,
    "num_heads": 4,
    "attention_heads": 4,
    "ffn_dim": 128,
    "ffn_hidden_size": 128,
    "max_seq_len": 64,
    "rotary_dim": 8,
}
LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 16, "qk_rope_head_dim": 16, "v_head_dim": 16}
LATENT |= {"num_key_value_heads": 4}
OTHERS: dict[str, dict[str, Any]] = {
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": 8},
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
    "minicpm3": LATENT,
}
# fmt: off
ARCHITECTURES = [
    "apertus", "arcee", "biogpt", "bitnet", "bloom", "codegen", "cohere", "cohere2", "ctrl", "cwm", "deepseek_v2",
    "deepseek_v3", "diffllama", "doge", "ernie4_5", "ernie4_5_moe", "exaone4", "falcon", "flex_olmo", "gemma",
    "gemma3_text", "glm", "glm4", "gpt_bigcode", "gpt_neo", "gpt_oss", "gptj", "granite", "granitemoe", "helium",
    "hunyuan_v1_dense", "hunyuan_v1_moe", "jais2", "llama4_text", "minicpm3", "ministral", "mixtral", "mpt",
    "nanochat", "nemotron", "olmo", "olmo2", "olmo3", "olmoe", "persimmon", "phi", "phimoe", "qwen2_moe",
    "qwen3_moe", "seed_oss", "smollm3", "stablelm", "starcoder2", "vaultgemma", "xglm",
]
# fmt: on
TOKENS = torch.randint(3, 100, (2, 12), generator=torch.Generator().manual_seed(0))


def make_model(model_type: str) -> Any:
    known = AutoConfig.for_model(model_type)
    settable = {name: value for name, value in SIZES.items() if _is_field(known, name)} | OTHERS.get(model_type, {})
    kinds = getattr(known, "layer_types", None)
    if kinds:
        settable["layer_types"] = sorted(set(kinds))[:2] if len(set(kinds)) > 1 else [kinds[0]] * 2
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **settable)).eval()


def _is_field(config: Any, name: str) -> bool:
    return hasattr(config, name) and not isinstance(getattr(type(config), name, None), property)


@pytest.mark.parametrize("model_type", ARCHITECTURES)
def test_starts_as_the_backbone_learns_and_generates(model_type: str, logits: Callable[..., Tensor]) -> None:
    backbone = make_model(model_type)
    expected = logits(backbone, TOKENS)
    assert expected.isfinite().all()
    torch.manual_seed(1)
    model = get_peft_model(backbone, LadderConfig(reduction_factor=2, task_type="CAUSAL_LM"))
    assert torch.equal(logits(model, TOKENS), expected)
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(3):
        loss = model(input_ids=TOKENS, labels=TOKENS).loss
        loss.backward()
        losses.append(loss.item())
        assert all(p.grad is None for p in model.parameters() if not p.requires_grad)
        optimizer.step()
        optimizer.zero_grad()
    assert losses[-1] < losses[0]
    settings = {"max_new_tokens": 3, "min_new_tokens": 3, "do_sample": False}
    with_cache = model.eval().generate(input_ids=TOKENS, **settings)
    assert torch.equal(with_cache, model.generate(input_ids=TOKENS, use_cache=False, **settings))


@pytest.mark.parametrize("model_type", ["llama", "gemma2", "gpt2", "opt"])
def test_side_blocks_are_not_among_the_backbones_hidden_states(
    model_type: str, tuned: Callable[..., Any], backbone: Callable[..., Any], token_ids: Tensor
) -> None:
    asked = {"output_hidden_states": True, "output_attentions": True}
    with torch.no_grad():
        expected = backbone(model_type, attn_implementation="eager")(token_ids, **asked)
        model = tuned(model_type=model_type)
        model.get_base_model().set_attn_implementation("eager")
        actual = model(token_ids, **asked)
    for kind in ("hidden_states", "attentions"):
        assert len(expected[kind]) >= 4
        for mine, backbones in zip(actual[kind], expected[kind], strict=True):
            assert torch.equal(mine, backbones)


def test_routers_of_side_blocks_are_not_balanced_with_the_backbones() -> None:
    backbone = make_model("mixtral")
    expected = backbone(TOKENS, output_router_logits=True).router_logits
    model = get_peft_model(backbone, LadderConfig(reduction_factor=2, task_type="CAUSAL_LM"))
    actual = model(TOKENS, output_router_logits=True).router_logits
    for mine, backbones in zip(actual, expected, strict=True):
        assert torch.equal(mine, backbones)
