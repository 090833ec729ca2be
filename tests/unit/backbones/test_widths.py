from __future__ import annotations

import dataclasses

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, GPTNeoXConfig, OPTConfig

from ladderscope.backbones.catalogue import architecture_config, catalogue_names
from ladderscope.backbones.widths import ReductionFactorError, narrow_config, valid_reduction_factors
from ladderscope.methods import get_method
from ladderscope.records import Cell

SHAPE = {"vocab_size": 64, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY = {
    "llama": architecture_config("tiny-llama"),
    "qwen2": architecture_config("tiny-qwen2"),
    "gpt2": architecture_config("tiny-gpt2"),
    # A quarter of each head is turned.
    "pythia": GPTNeoXConfig(
        **SHAPE, intermediate_size=256, rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.25}
    ),
    # Heads wider than the hidden size divided by their number, scores scaled by a field of the config.
    "gemma-2": Gemma2Config(
        **SHAPE, intermediate_size=128, num_key_value_heads=1, head_dim=64, query_pre_attn_scalar=64
    ),
    "opt": OPTConfig(**SHAPE, ffn_dim=256, word_embed_proj_dim=64),
}
CELL = Cell(model="a tiny one", method="ladder")


@pytest.mark.parametrize(
    ("architecture", "factors"),
    [
        # heads of 64 channels in pairs, whose narrowest is one pair
        ("smollm2-135m", [1, 2, 4, 8, 16, 32]),
        # heads of 64 channels without rotary embeddings may be one channel wide
        ("gpt2", [1, 2, 4, 8, 16, 32, 64]),
        # 16 of 64 channels are turned
        ("pythia-70m", [1, 2, 4, 8]),
        # 20 of 80 channels are turned: a quarter would be 5, which are no pairs
        ("pythia-2.8b", [1, 2, 5, 8, 10]),
        # heads of 96 channels; a third of the feed-forward width of 8192 is rounded down
        ("phi-3-mini", [1, 2, 3, 4, 6, 8, 12, 16, 24, 48]),
    ],
)
def test_the_valid_factors(architecture: str, factors: list[int]) -> None:
    assert valid_reduction_factors(architecture_config(architecture)) == factors


@pytest.mark.parametrize("architecture", catalogue_names())
def test_the_default_factor_fits_every_architecture(architecture: str) -> None:
    assert 8 in valid_reduction_factors(architecture_config(architecture))


@pytest.mark.parametrize("architecture", TINY)
def test_a_side_network_runs_at_every_valid_factor(architecture: str) -> None:
    factors = valid_reduction_factors(TINY[architecture])
    assert len(factors) > 2
    for factor in factors:
        model = AutoModelForCausalLM.from_config(TINY[architecture])
        tuned = get_method("ladder").build(model, dataclasses.replace(CELL, reduction_factor=factor))
        tokens = torch.arange(16).view(2, 8)
        tuned(input_ids=tokens, labels=tokens).loss.backward()
        trained = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
        assert any(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in trained)


def test_every_width_is_divided_and_the_heads_stay() -> None:
    narrow = narrow_config(architecture_config("smollm2-135m"), 8)
    assert (narrow.hidden_size, narrow.head_dim, narrow.intermediate_size) == (72, 8, 192)
    assert (narrow.num_attention_heads, narrow.num_key_value_heads, narrow.num_hidden_layers) == (9, 3, 30)


def test_fields_that_go_by_another_name_are_divided_too() -> None:
    assert narrow_config(architecture_config("gpt2"), 4).n_embd == 192
    opt = narrow_config(architecture_config("opt-1.3b"), 4)
    assert (opt.hidden_size, opt.word_embed_proj_dim, opt.ffn_dim) == (512, 512, 2048)


def test_attention_scores_are_scaled_for_the_narrow_heads() -> None:
    narrow = narrow_config(architecture_config("gemma-2-2b"), 4)
    assert narrow.query_pre_attn_scalar == narrow.head_dim == 64


def test_the_config_that_was_given_stays_as_it_is() -> None:
    config = architecture_config("smollm2-135m")
    narrow_config(config, 8)
    assert config.to_dict() == architecture_config("smollm2-135m").to_dict()


@pytest.mark.parametrize(
    ("factor", "fault", "nearest"),
    [
        (-2, "is not above 0", 1),
        (0, "is not above 0", 1),
        (5, "does not divide the hidden size of 576", 4),
        (128, "does not divide the hidden size of 576", 32),
        (3, "makes side blocks of width 192, which do not fit 9 heads", 4),
        (9, "makes side blocks of width 64, which do not fit 9 heads", 8),
        (64, "makes side blocks of width 9, which do not fit 9 heads", 32),
    ],
)
def test_a_factor_that_does_not_fit_says_why_and_names_those_that_do(factor: int, fault: str, nearest: int) -> None:
    with pytest.raises(ReductionFactorError) as error:
        narrow_config(architecture_config("smollm2-135m"), factor)
    assert str(error.value) == f"a reduction factor of {factor} {fault}: use one of 1, 2, 4, 8, 16, 32"
    assert (error.value.factor, error.value.nearest) == (factor, nearest)
