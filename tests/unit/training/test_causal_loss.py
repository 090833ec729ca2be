"""The chunked loss on whole models, against the loss that the models compute themselves."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, PromptTuningConfig, TaskType, get_peft_model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.errors import UsageError
from ladderscope.training.causal_loss import chunked_causal_lm_loss

MakeModel = Callable[..., Any]
SHAPE: dict[str, Any] = {
    "vocab_size": 512,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
# Caps and factors far from where they would not show.
POSTPROCESSED: dict[str, dict[str, Any]] = {
    "cohere": {**SHAPE, "logit_scale": 0.0625, "pad_token_id": 0, "eos_token_id": 1},
    "granite": {**SHAPE, "logits_scaling": 8.0},
    "hyperclovax": {**SHAPE, "logits_scaling": 0.125},
    "minicpm3": {**SHAPE, "dim_model_base": 8, "q_lora_rank": 8, "kv_lora_rank": 8, "qk_nope_head_dim": 8}
    | {"qk_rope_head_dim": 8, "v_head_dim": 8},
    "falcon_h1": {**SHAPE, "lm_head_multiplier": 0.04, "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8}
    | {"mamba_d_state": 8, "mamba_chunk_size": 16, "num_key_value_heads": 2},
    "gemma2": {**SHAPE, "final_logit_softcapping": 0.1, "head_dim": 16, "num_key_value_heads": 1},
    "recurrent_gemma": {**SHAPE, "logits_soft_cap": 0.1, "lru_width": 32, "num_hidden_layers": 3},
    "phi": SHAPE,  # its head has a bias
    "gpt_neox": SHAPE,
}


def make_architecture(model_type: str, **settings: Any) -> Any:
    known = AutoConfig.for_model(model_type)
    config = AutoConfig.for_model(model_type, **{k: v for k, v in settings.items() if hasattr(known, k)})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


def make_batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, 500, (2, 20), generator=generator)
    return ids, ids.masked_fill(torch.rand(2, 20, generator=generator) < 0.3, -100)


def gradients_of(model: nn.Module, loss: Tensor) -> dict[str, Tensor | None]:
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return dict(zip(trained, torch.autograd.grad(loss, list(trained.values()), allow_unused=True), strict=True))


def assert_same_training(model: nn.Module, **inputs: Any) -> None:
    """Same loss and same gradients as the model's own, with chunks that hold a part of the tokens."""
    ids, labels = make_batch()
    expected = model(input_ids=ids, labels=labels, **inputs).loss
    actual = chunked_causal_lm_loss(model, ids, labels, chunk_tokens=7, **inputs)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=0)
    gradients = gradients_of(model, actual)
    for name, plain in gradients_of(model, expected).items():
        gradient = gradients[name]
        if gradient is None or plain is None:
            assert gradient is plain, name
            continue
        difference = torch.linalg.vector_norm(gradient - plain)
        assert difference <= 1e-5 * torch.linalg.vector_norm(plain) + 1e-8, name


@pytest.mark.parametrize("model_type", POSTPROCESSED)
def test_what_a_model_does_to_its_logits_is_done_in_chunks_too(model_type: str) -> None:
    assert_same_training(make_architecture(model_type, **POSTPROCESSED[model_type]))


HEADS: dict[str, dict[str, Any]] = {
    "frozen": {"target_modules": ["q_proj"]},
    "with LoRA": {"target_modules": ["q_proj", "lm_head"]},
    "trained": {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
}


@pytest.mark.parametrize("settings", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("adapters_on", [True, False])
def test_peft_models(tiny_model: MakeModel, settings: dict[str, Any], adapters_on: bool) -> None:
    model = tiny_model().requires_grad_(False)
    model.lm_head.weight = nn.Parameter(model.lm_head.weight.clone(), requires_grad=False)  # not tied
    model = get_peft_model(model, LoraConfig(r=4, init_lora_weights=False, task_type=TaskType.CAUSAL_LM, **settings))
    if adapters_on:
        assert_same_training(model)
    else:
        ids, labels = make_batch()
        with model.disable_adapter(), torch.no_grad():
            expected = model(input_ids=ids, labels=labels).loss
            torch.testing.assert_close(chunked_causal_lm_loss(model, ids, labels), expected)


def test_dropout_in_the_head_is_no_reason_to_refuse(tiny_model: MakeModel) -> None:
    config = LoraConfig(r=4, lora_dropout=0.5, init_lora_weights=False, target_modules=["lm_head"])
    model = get_peft_model(tiny_model(), config).train()
    chunked_causal_lm_loss(model, *make_batch()).backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_tied_embeddings_get_the_gradients_of_both_uses(tiny_model: MakeModel) -> None:
    model = tiny_model()
    model.config.tie_word_embeddings = True
    model.lm_head.weight = model.get_input_embeddings().weight
    assert_same_training(model)


def test_inputs_of_the_decoder_go_through(tiny_model: MakeModel) -> None:
    mask = torch.ones(2, 20, dtype=torch.int64)
    mask[0, :6] = 0
    positions = (mask.cumsum(-1) - 1).clamp_min(0)
    assert_same_training(tiny_model(), attention_mask=mask, position_ids=positions)


@pytest.mark.parametrize("count", [10, torch.tensor(10)])
def test_the_sum_is_divided_by_what_the_trainer_counted(tiny_model: MakeModel, count: Any) -> None:
    assert_same_training(tiny_model(), num_items_in_batch=count)


def test_a_batch_without_labels_has_no_loss(tiny_model: MakeModel) -> None:
    ids, labels = make_batch()
    loss = chunked_causal_lm_loss(tiny_model(), ids, torch.full_like(labels, -100))
    loss.backward()
    assert loss == 0


def test_a_16_bit_model(tiny_model: MakeModel) -> None:
    model, (ids, labels) = tiny_model(dtype=torch.bfloat16), make_batch()
    expected = model(input_ids=ids, labels=labels).loss
    torch.testing.assert_close(chunked_causal_lm_loss(model, ids, labels, chunk_tokens=7), expected, rtol=1e-4, atol=0)


def test_training_under_autocast(tiny_model: MakeModel) -> None:
    """The first call, which compares, must not leave weights without a gradient in autocast's cache."""
    model, (ids, labels) = tiny_model(), make_batch()
    with torch.autocast("cpu", torch.bfloat16):
        loss = chunked_causal_lm_loss(model, ids, labels, chunk_tokens=7)
        expected = copy.deepcopy(model)(input_ids=ids, labels=labels).loss
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=0)
    loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_model_without_data_gives_a_loss_without_data(tiny_model: MakeModel) -> None:
    ids, labels = (tensor.to("meta") for tensor in make_batch())
    mask = torch.zeros(2, 1, 20, 20, device="meta")  # transformers looks at the values of a mask of two dimensions
    loss = chunked_causal_lm_loss(tiny_model().to("meta"), ids, labels, attention_mask=mask)
    assert loss.shape == ()


# ---- the comparison with the model ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "warp",
    [lambda logits: logits * 1.1, lambda logits: 30 * torch.tanh(logits / 30), lambda logits: logits[..., :-2]],
    ids=["factor", "cap", "cut"],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_made_in_an_unknown_way_are_refused(
    tiny_model: MakeModel, warp: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    model = tiny_model(dtype=dtype)
    own = model.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        output = own(*args, **kwargs)
        output.logits = warp(output.logits)
        return output

    model.forward = forward
    with pytest.raises(UsageError, match="LlamaForCausalLM does something to its logits or its loss"):
        chunked_causal_lm_loss(model, *make_batch())


def test_another_loss_than_that_of_the_next_token_is_refused() -> None:
    settings = {"vocab_size": 512, "d_model": 32, "decoder_layers": 1, "decoder_attention_heads": 2}
    config = transformers.BartConfig(**settings, decoder_ffn_dim=64, is_decoder=True, is_encoder_decoder=False)
    with pytest.raises(UsageError, match="BartForCausalLM does something to its logits or its loss"):
        chunked_causal_lm_loss(AutoModelForCausalLM.from_config(config), *make_batch())


def test_layers_between_decoder_and_head_are_refused() -> None:
    model = make_architecture("bert", **SHAPE, is_decoder=True)
    with pytest.raises(UsageError, match="use the full loss"):
        chunked_causal_lm_loss(model, *make_batch())


def test_the_comparison_runs_once_and_moves_nothing(tiny_model: MakeModel) -> None:
    model, batch = tiny_model().train(), make_batch()
    state = torch.get_rng_state()
    counts = []
    for _ in range(2):
        with FlopCounterMode(display=False) as counter:
            chunked_causal_lm_loss(model, *batch)
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


def test_the_comparison_runs_again_for_another_head(tiny_model: MakeModel) -> None:
    model, batch = tiny_model(), make_batch()
    chunked_causal_lm_loss(model, *batch)
    model.config.logit_scale = 3.0
    chunked_causal_lm_loss(model, *batch)  # the comparison is over, nobody changes a config on the way
    model.lm_head = nn.Linear(64, 512, bias=False)
    with pytest.raises(UsageError):
        chunked_causal_lm_loss(model, *batch)


# ---- models that cannot be taken apart -----------------------------------------------------------------------------


def test_prompt_learning_is_refused(tiny_model: MakeModel) -> None:
    config = PromptTuningConfig(num_virtual_tokens=2, task_type=TaskType.CAUSAL_LM)
    with pytest.raises(UsageError, match="prompt-learning adapter"):
        chunked_causal_lm_loss(get_peft_model(tiny_model(), config), *make_batch())


def test_data_parallel_wrappers_are_refused(tiny_model: MakeModel) -> None:
    with pytest.raises(UsageError, match="DataParallel does not notice"):
        chunked_causal_lm_loss(nn.DataParallel(tiny_model()), *make_batch())


def test_a_router_loss_is_refused() -> None:
    model = make_architecture("mixtral", **SHAPE, num_local_experts=2, num_key_value_heads=2)
    chunked_causal_lm_loss(model, *make_batch())
    model.config.output_router_logits = True
    with pytest.raises(UsageError, match="output_router_logits=False"):
        chunked_causal_lm_loss(model, *make_batch())


def test_a_model_with_an_encoder_is_refused() -> None:
    config = transformers.BartConfig(vocab_size=512, d_model=32, encoder_layers=1, decoder_layers=1)
    with pytest.raises(UsageError, match="no causal language model"):
        chunked_causal_lm_loss(transformers.BartForConditionalGeneration(config), *make_batch())
