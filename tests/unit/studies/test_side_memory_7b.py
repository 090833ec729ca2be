"""The trace of `studies/side_memory_7b`, on a tiny Llama: bytes that a pencil can check, and a measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peft import LoraConfig
from transformers import AutoModelForCausalLM

from ladderscope.backbones.catalogue import architecture_config
from ladderscope.backbones.quantize import quantization_state
from ladderscope.memory.cpu import CpuMeter
from ladderscope.methods.side import LadderConfig
from ladderscope.records import Cell
from ladderscope.training.batches import training_batches
from ladderscope.training.loop import TrainingLoop
from studies.side_memory_7b.memory_trace import StepTrace, TracedPeak
from studies.side_memory_7b.meta_backbone import meta_backbone
from studies.side_memory_7b.variants import Variant, attach, make_loop
from tests.conftest import MakeModel

H, MLP, VOCAB, LAYERS, RANK = 64, 128, 512, 4, 4
"""Of the tiny Llama, here with as many key heads as query heads; all of its linear layers lack a bias."""
LINEAR_SHAPES = [(H, H)] * 4 + [(MLP, H)] * 2 + [(H, MLP)]

QLORA = Variant("qlora", lambda: LoraConfig(r=RANK, target_modules="all-linear"))
LINEAR = Variant("linear taps", lambda: LadderConfig(reduction_factor=4, downsample="linear"))
FROZEN = Variant("frozen taps", lambda: LadderConfig(reduction_factor=4, downsample="frozen"))


def tiny_config() -> Any:
    config = architecture_config("tiny-llama")
    config.num_key_value_heads = config.num_attention_heads
    return config


def trace(variant: Variant, tokens: int = 64, adapter_dtype: torch.dtype = torch.float32) -> TracedPeak:
    backbone = meta_backbone(tiny_config(), torch.bfloat16)
    return StepTrace(make_loop(attach(backbone, variant, adapter_dtype), variant, tokens)).run()


def blocks(*sizes: int) -> int:
    """Bytes of allocations of these sizes, each rounded up to 512."""
    return sum(-(-size // 512) * 512 for size in sizes)


def test_weights_and_their_quantisation_state_have_the_bytes_of_nf4_with_double_quantisation() -> None:
    resident = trace(QLORA).resident_bytes

    packed = blocks(*(rows * columns // 2 for rows, columns in LINEAR_SHAPES)) * LAYERS
    embedding_and_head = blocks(VOCAB * H * 2) * 2
    norms = blocks(H * 2) * (2 * LAYERS + 1)
    rotary_frequencies = blocks(H // 4 // 2 * 4) * 2  # transformers keeps a second copy
    assert resident["weights"] == packed + embedding_and_head + norms + rotary_frequencies

    constants = blocks(*(rows * columns // 64 for rows, columns in LINEAR_SHAPES)) * LAYERS
    constants_of_constants, offset, codes = blocks(4), blocks(4), blocks(16 * 4, 256 * 4)
    layers = len(LINEAR_SHAPES) * LAYERS
    assert resident["quantization state"] == constants + layers * (constants_of_constants + offset + codes)


def test_quantisation_state_is_as_large_as_bitsandbytes_makes_it(tiny_model: MakeModel) -> None:
    def sizes(model: Any) -> list[tuple[torch.Size, torch.dtype]]:
        return [(tensor.shape, tensor.dtype) for tensor in quantization_state(model)]

    real = tiny_model(quantization="nf4-dq", dtype=torch.bfloat16)

    assert sizes(meta_backbone(architecture_config("tiny-llama"), torch.bfloat16)) == sizes(real)


@pytest.mark.parametrize(("dtype", "num_bytes"), [(torch.float32, 4), (torch.bfloat16, 2)])
def test_optimizer_keeps_two_numbers_for_each_of_an_adapter(dtype: torch.dtype, num_bytes: int) -> None:
    resident = trace(QLORA, adapter_dtype=dtype).resident_bytes

    adapters = [RANK * side * num_bytes for shape in LINEAR_SHAPES for side in shape] * LAYERS
    assert resident["adapter weights"] == blocks(*adapters)
    assert resident["optimizer state"] == 2 * blocks(*adapters)


def test_narrow_taps_need_less_than_wide_taps_and_those_less_than_qlora() -> None:
    frozen, linear, qlora = (trace(variant, tokens=256).num_bytes for variant in (FROZEN, LINEAR, QLORA))

    assert frozen < linear < qlora


def test_wide_taps_keep_one_hidden_state_for_each_backbone_block() -> None:
    saved = trace(LINEAR, tokens=256).by_category["saved for backward: backbone"]

    # In the backbone's bf16, although the adapters are fp32.
    assert saved == 256 * H * 2 * LAYERS


def test_frozen_taps_keep_their_narrow_product() -> None:
    saved = trace(FROZEN, tokens=256).by_category["saved for backward: backbone"]

    assert saved <= 256 * (H // 4) * 4 * LAYERS


def test_parts_of_the_peak_sum_to_it() -> None:
    peak = trace(LINEAR)

    assert sum(peak.by_category.values()) == peak.num_bytes


def test_a_step_on_few_tokens_peaks_in_the_optimizer_which_needs_a_second_copy_of_the_gradients() -> None:
    peak = trace(LINEAR, tokens=2)

    assert peak.operation == "optimizer _foreach_sqrt"
    assert 2 * peak.by_category["gradients"] == peak.resident_bytes["optimizer state"]
    assert peak.by_category["temporaries"] >= peak.by_category["gradients"]


def test_attention_without_a_fused_kernel_is_refused() -> None:
    model = attach(
        meta_backbone(architecture_config("tiny-llama"), torch.float32, quantize=False), QLORA, torch.float32
    )

    with pytest.raises(NotImplementedError, match="as many key as query heads"):
        StepTrace(make_loop(model, QLORA, 64)).run()


@pytest.mark.parametrize("loss", ["full", "chunked"])
@pytest.mark.parametrize(
    ("config", "checkpointing"), [(QLORA.config, False), (QLORA.config, True), (LINEAR.config, False)]
)
def test_trace_is_within_one_percent_of_what_a_cpu_allocates(
    config: Callable[[], Any], checkpointing: bool, loss: str
) -> None:
    """The same unquantised model in fp32; what stays between steps agrees exactly, but for AdamW's step counts."""
    variant, tokens, rows = Variant("", config, loss, checkpointing), 384, 2
    on_meta = attach(meta_backbone(tiny_config(), torch.float32, quantize=False), variant, torch.float32)
    traced = StepTrace(make_loop(on_meta, variant, tokens, rows), block_bytes=1).run()

    model = attach(AutoModelForCausalLM.from_config(tiny_config(), dtype=torch.float32), variant, torch.float32)
    cell = Cell(model="", method="", seq_len=tokens, batch_size=rows, loss_impl=loss, data="random")
    loop = TrainingLoop(model, cell, training_batches(cell, None, VOCAB, torch.device("cpu")), [])
    if checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    loop.step()
    measured = CpuMeter().measure_step(loop).breakdown_bytes

    assert traced.resident_bytes["weights"] == measured["weights"]
    assert traced.resident_bytes["adapter weights"] == measured["adapter_weights"]
    made_in_step = traced.num_bytes - sum(traced.resident_bytes.values())
    measured_in_step = measured["activations"] + measured["logits_and_loss"] + measured["gradients"]
    assert made_in_step == pytest.approx(measured_in_step, rel=0.01)
