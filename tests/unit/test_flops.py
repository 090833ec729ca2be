"""FLOPs counted on the running model, against what the shapes say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig, TaskType, get_peft_model
from torch import Tensor

from ladderscope.flops import count_flops
from ladderscope.methods import get_method
from ladderscope.records import FLOP_COMPONENTS, Cell, Flops
from ladderscope.training.causal_loss import chunked_causal_lm_loss

# tiny-llama: 4 blocks of 64 channels, 4 heads and 2 key-value heads of 16, and its feed-forward width
HIDDEN, LAYERS, HEADS, KV_HEADS, HEAD_DIM, VOCAB = 64, 4, 4, 2, 16, 512
TOKENS = 32
MakeModel = Callable[..., Any]


def linear_weights(config: Any) -> int:
    attention = HIDDEN * HEAD_DIM * (2 * HEADS + 2 * KV_HEADS)
    return LAYERS * (attention + 3 * HIDDEN * int(config.intermediate_size))


def angles(head_dim: int) -> int:
    """The product of frequencies and positions with which some versions of transformers make rotary angles."""
    return 2 * TOKENS * (head_dim // 2)


def flops_of(model: Any) -> Flops:
    ids = torch.arange(TOKENS).view(1, TOKENS)

    def step() -> None:
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()

    return count_flops(model.train(), step, TOKENS)


def chunked_flops_of(model: Any) -> Flops:
    ids = torch.arange(TOKENS).view(1, TOKENS)

    def step() -> None:
        chunked_causal_lm_loss(model, ids, ids, chunk_tokens=5).backward()

    return count_flops(model.train(), step, TOKENS)


@pytest.mark.parametrize("quantization", ["none", "nf4", "nf4-dq", "int8"])
def test_the_forward_of_the_backbone_is_counted_whatever_its_precision(
    tiny_model: MakeModel, quantization: str
) -> None:
    model = tiny_model(quantization=quantization, dtype=torch.bfloat16)
    cell = Cell(model="random:tiny-llama", method="qlora", rank=4)
    method = "lora" if quantization == "none" else "qlora"
    flops = flops_of(get_method(method).build(model, cell))
    products = 2 * TOKENS * linear_weights(model.config)
    attention = LAYERS * 2 * 2 * TOKENS * TOKENS * HEADS * HEAD_DIM
    counted = flops.by_component["backbone_forward"]
    assert counted - products - attention in (0, angles(HEAD_DIM))


def test_full_fine_tuning_costs_two_forwards_in_backward(tiny_model: MakeModel) -> None:
    model = tiny_model()
    flops = flops_of(get_method("full").build(model, Cell(model="m", method="full"))).by_component
    products = 2 * TOKENS * linear_weights(model.config)
    # the backward of attention is five products of the size of forward's two
    attention_backward = LAYERS * 5 * 2 * TOKENS * TOKENS * HEADS * HEAD_DIM
    assert flops["backbone_backward"] == 2 * products + attention_backward
    assert flops["head"] == 3 * 2 * TOKENS * HIDDEN * VOCAB


def test_lora_needs_no_gradient_of_frozen_weights(tiny_model: MakeModel) -> None:
    model = tiny_model()
    flops = flops_of(get_method("lora").build(model, Cell(model="m", method="lora", rank=4))).by_component
    products = 2 * TOKENS * linear_weights(model.config)
    first_inputs = 2 * TOKENS * HIDDEN * HEAD_DIM * (HEADS + 2 * KV_HEADS)  # nothing before the first block is trained
    attention_backward = LAYERS * 5 * 2 * TOKENS * TOKENS * HEADS * HEAD_DIM
    assert flops["backbone_backward"] == products - first_inputs + attention_backward
    assert flops["head"] == 2 * 2 * TOKENS * HIDDEN * VOCAB
    assert flops["adapter"] > 0
    assert flops["side_network"] == 0


@pytest.mark.parametrize("method", ["ladder", "xladder"])
def test_a_side_network_spares_the_backbones_backward(tiny_model: MakeModel, method: str) -> None:
    cell = Cell(model="m", method=method, reduction_factor=2)
    flops = flops_of(get_method(method).build(tiny_model(), cell)).by_component
    assert flops["backbone_backward"] == 0
    assert flops["adapter"] == 0
    assert flops["side_network"] > 0


def prepared(method: str, backbone: Any) -> Any:
    """The tuned model behind the search for principal directions, which is made once."""
    model = get_method(method).build(backbone, Cell(model="m", method=method, rank=4, reduction_factor=2))
    prepare = get_method(method).prepare
    if prepare is not None:
        prepare(model, [torch.randint(3, VOCAB, (2, 64), generator=torch.Generator().manual_seed(0))])
    return model


def test_the_side_network_costs_three_times_its_forward(tiny_model: MakeModel) -> None:
    model = prepared("ladder", tiny_model())
    weights = sum(p.numel() for n, p in model.named_parameters() if ".side_network." in n and p.dim() == 2)
    side_heads = HEADS * (HEAD_DIM // 2)
    projection = LAYERS * 2 * TOKENS * HIDDEN * (HIDDEN // 2)  # frozen: forward only
    taps = LAYERS * 2 * TOKENS * (HIDDEN // 2) ** 2  # no gradient flows into a tap
    products = 3 * 2 * TOKENS * weights - taps
    attention = LAYERS * (2 + 5) * 2 * TOKENS * TOKENS * side_heads
    counted = flops_of(model).by_component["side_network"]
    assert counted - products - projection - attention in (0, angles(HEAD_DIM // 2))


@pytest.mark.parametrize("method", ["full", "lora", "ladder", "xladder"])
def test_the_loss_in_chunks_costs_what_the_full_loss_costs(tiny_model: MakeModel, method: str) -> None:
    """Component by component, although the chunks go past the head's module; and so does the first call."""
    model = prepared(method, tiny_model())
    full = flops_of(model)
    products = 3 if method == "full" else 2
    assert full.by_component["head"] == products * 2 * TOKENS * HIDDEN * VOCAB
    for _ in range(2):
        assert chunked_flops_of(model) == full


def test_the_loss_in_chunks_tells_the_head_from_the_adapter_on_it(tiny_model: MakeModel) -> None:
    config = LoraConfig(r=4, target_modules=["q_proj", "lm_head"], task_type=TaskType.CAUSAL_LM)
    model = get_peft_model(tiny_model(), config)
    assert chunked_flops_of(model) == flops_of(model)


def test_recomputation_and_the_loss_in_chunks_do_not_mix(tiny_model: MakeModel) -> None:
    model = get_method("lora").build(tiny_model(), Cell(model="m", method="lora", rank=4))
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
    assert chunked_flops_of(model) == flops_of(model)


def test_checkpointing_shows_as_recomputation(tiny_model: MakeModel) -> None:
    model = get_method("lora").build(tiny_model(), Cell(model="m", method="lora", rank=4))
    plain = flops_of(model).by_component
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
    recomputed = flops_of(model).by_component
    assert plain["backbone_recompute"] == 0
    # recomputation stops at the last tensor that backward needs, so the last products of a block may be spared
    assert 0.5 * plain["backbone_forward"] < recomputed["backbone_recompute"] <= plain["backbone_forward"]
    # transformers lets the inputs of a checkpointed model require gradients, so the first block computes them too
    first_inputs = 2 * TOKENS * HIDDEN * HEAD_DIM * (HEADS + 2 * KV_HEADS)
    assert recomputed["backbone_backward"] == plain["backbone_backward"] + first_inputs


def test_the_components_sum_to_the_step(tiny_model: MakeModel) -> None:
    flops = flops_of(get_method("lora").build(tiny_model(), Cell(model="m", method="lora", rank=4)))
    assert set(flops.by_component) == set(FLOP_COMPONENTS)
    assert flops.per_step == sum(flops.by_component.values())
    assert flops.per_token == flops.per_step / TOKENS


def test_counting_leaves_no_hook_behind(tiny_model: MakeModel) -> None:
    model = tiny_model()
    flops_of(model)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_counting_does_not_change_the_gradients(tiny_model: MakeModel, token_ids: Tensor) -> None:
    watched, plain = tiny_model(), tiny_model()
    ids = torch.arange(TOKENS).view(1, TOKENS)
    flops_of(watched)
    plain.train()(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    for one, other in zip(watched.parameters(), plain.parameters(), strict=True):
        assert one.grad is not None
        assert torch.equal(one.grad, other.grad)
