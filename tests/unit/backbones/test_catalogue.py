from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from ladderscope.backbones.catalogue import _architectures, architecture_config, catalogue_names
from ladderscope.errors import UnknownNameError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Counts published by others: model cards, safetensors metadata of the checkpoints, for OPT arithmetic on the shapes.
# Tied embeddings count once. mistral-7b is v0.3.
PUBLISHED_PARAMETER_COUNTS = {
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "llama-2-70b": 68_976_648_192,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "tinyllama-1.1b": 1_100_048_384,
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-3b": 3_085_938_688,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-14b": 14_770_033_664,
    "qwen2.5-32b": 32_763_876_352,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
    "qwen3-14b": 14_768_307_200,
    "qwen3-32b": 32_762_123_264,
    "mistral-7b": 7_248_023_552,
    "gemma-2-2b": 2_614_341_888,
    "gemma-2-9b": 9_241_705_984,
    "phi-3-mini": 3_821_079_552,
    "opt-1.3b": 1_315_758_080,
    "opt-2.7b": 2_651_596_800,
    "opt-6.7b": 6_658_473_984,
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "pythia-70m": 70_426_624,
    "pythia-160m": 162_322_944,
    "pythia-410m": 405_334_016,
    "pythia-1b": 1_011_781_632,
    "pythia-1.4b": 1_414_647_808,
    "pythia-2.8b": 2_775_208_960,
    "pythia-6.9b": 6_857_302_016,
    "pythia-12b": 11_846_072_320,
}
# No exact count published that we know of: the size in the name has to do.
NOMINAL_SIZE_ONLY = ("opt-13b", "opt-30b", "opt-66b")
TINY = ("tiny-llama", "tiny-qwen2", "tiny-gpt2")


def built_on_meta(name: str) -> PreTrainedModel:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(architecture_config(name))


def parameter_count(model: PreTrainedModel) -> int:
    """Tied weights count once, because ``parameters`` yields a shared one once."""
    return sum(parameter.numel() for parameter in model.parameters())


def nominal_size(name: str) -> float:
    match = re.search(r"-(\d+(?:\.\d+)?)([bm])$", name)
    assert match is not None
    return float(match[1]) * {"b": 1e9, "m": 1e6}[match[2]]


def token_ids(config: Any) -> list[int]:
    ids = (config.bos_token_id, config.eos_token_id, config.pad_token_id)
    return [token_id for token_id in ids if token_id is not None]


def test_every_name_is_covered() -> None:
    assert set(catalogue_names()) == {*PUBLISHED_PARAMETER_COUNTS, *NOMINAL_SIZE_ONLY, *TINY}


@pytest.mark.parametrize(("name", "count"), PUBLISHED_PARAMETER_COUNTS.items())
def test_parameter_count_is_the_published_one(name: str, count: int) -> None:
    assert parameter_count(built_on_meta(name)) == count


@pytest.mark.parametrize("name", NOMINAL_SIZE_ONLY)
def test_size_is_near_the_one_in_the_name(name: str) -> None:
    assert parameter_count(built_on_meta(name)) == pytest.approx(nominal_size(name), rel=0.03)


@pytest.mark.parametrize("name", catalogue_names())
def test_entry_reaches_the_config(name: str) -> None:
    """The config class checks types, but keeps a misspelt field as an extra attribute that changes nothing."""
    config = architecture_config(name)
    known_fields = type(config)().to_dict()
    for field, value in _architectures()[name].items():
        assert field in known_fields
        assert getattr(config, field) == value
    assert all(0 <= token_id < config.vocab_size for token_id in token_ids(config))


@pytest.mark.parametrize("name", catalogue_names())
def test_rope_settings_are_numbers(name: str) -> None:
    """``1e-5`` in YAML is text, and nested fields pass the config class unchecked."""
    rope = _architectures()[name].get("rope_parameters", {})
    assert all(isinstance(value, float | int) for field, value in rope.items() if field != "rope_type")


@pytest.mark.parametrize("name", TINY)
def test_tiny_model_runs_on_cpu(name: str) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(architecture_config(name)).eval()
    tokens = torch.arange(32).view(2, 16)
    output = model(input_ids=tokens, labels=tokens)
    assert output.logits.shape == (2, 16, 512)
    assert torch.isfinite(output.loss)


def test_configs_are_independent() -> None:
    changed = architecture_config("llama-3.1-8b")
    changed.num_hidden_layers = 2
    changed.rope_parameters["factor"] = 1.0
    again = architecture_config("llama-3.1-8b")
    assert again.num_hidden_layers == 32
    assert again.rope_parameters["factor"] == 8.0


def test_unknown_name_proposes_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown architecture 'smollm-135m': did you mean 'smollm2-135m'\?"):
        architecture_config("smollm-135m")
