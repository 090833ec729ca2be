"""The trace against reality: under a CPU's rules it gives the peak, and what forward leaves, that a CPU really has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch

from studies.prediction_accuracy.cpu import (
    LARGER_LAYERS,
    LARGER_MODEL,
    METHODS,
    MODELS,
    Comparison,
    compare,
    make_cell,
    only_new_objects,
)
from studies.prediction_accuracy.cpu_generation import compare_generation

TOLERANCE = 0.005
NUMBER, MOST_NUMBERS = 8, 64
"""Bytes of a Python number that autograd keeps to multiply by: on the host, which is the device here."""


@pytest.fixture(scope="module", autouse=True)
def quick_search_for_tensors() -> Iterator[None]:
    with only_new_objects():
        yield


def check(model: str, method: str, dtype: str, checkpointing: bool, loss: str = "full", layers: int = 4) -> None:
    comparison = compare(make_cell(model, method, dtype, checkpointing, loss), layers)
    assert abs(comparison.ratio - 1) <= TOLERANCE, (
        f"predicted {comparison.predicted.peak:,} bytes, measured {comparison.measured.peak:,}: {comparison.ratio:.5f}"
    )
    check_saved_for_backward(comparison)


def check_saved_for_backward(comparison: Comparison) -> None:
    predicted, measured = comparison.predicted.saved_for_backward, comparison.measured.saved_for_backward
    assert predicted is not None
    assert measured is not None
    missing = measured - predicted
    if "gpt2" in comparison.cell.model and comparison.cell.dtype == "bf16":
        # A CPU's layer norms keep means and deviations of bf16 in bf16; the trace takes them for fp32, as on CUDA.
        assert -0.02 * measured <= missing <= NUMBER * MOST_NUMBERS
    else:
        assert missing in range(NUMBER, NUMBER * MOST_NUMBERS, NUMBER), (
            f"forward leaves {predicted:,} bytes for backward as predicted, {measured:,} as measured"
        )


@pytest.mark.parametrize("checkpointing", [False, True], ids=["all kept", "checkpointing"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", [MODELS[0], *(pytest.param(model, marks=pytest.mark.slow) for model in MODELS[1:])])
def test_a_step_is_predicted(model: str, method: str, dtype: str, checkpointing: bool) -> None:
    check(model, method, dtype, checkpointing, layers=2)


KNOWN_SCRATCH = pytest.mark.skipif(
    not torch.cpu._is_amx_tile_supported(),
    reason="the peak is inside of a bf16 product, and oneDNN's scratch memory is known for matrix units alone",
)


@pytest.mark.parametrize("checkpointing", [False, True], ids=["all kept", "checkpointing"])
@pytest.mark.parametrize("dtype", ["fp32", pytest.param("bf16", marks=KNOWN_SCRATCH)])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_step_with_the_chunked_loss_is_predicted(method: str, dtype: str, checkpointing: bool) -> None:
    check("tiny-llama", method, dtype, checkpointing, loss="chunked", layers=2)


@pytest.mark.parametrize(("prompt", "new_tokens", "rows"), [(2, 16, 16), (128, 2, 2)], ids=["cache", "prompt"])
@pytest.mark.parametrize("method", METHODS)
def test_the_peak_of_generation_is_predicted(method: str, prompt: int, new_tokens: int, rows: int) -> None:
    """In fp32: products of few rows in bf16 take scratch memory of oneDNN's own."""
    cell = make_cell("tiny-llama", method, "fp32", checkpointing=False, tokens=prompt)
    comparison = compare_generation(dataclasses.replace(cell, batch_size=rows, generate=new_tokens), layers=2)
    assert abs(comparison.ratio - 1) <= 0.001, (
        f"predicted {comparison.predicted.peak:,}, measured {comparison.measured.peak:,}"
    )


@pytest.mark.slow
def test_a_model_of_the_shape_of_smollm2_is_predicted() -> None:
    """The larger one: wide layers, a vocabulary of 49152, and heads that share keys in groups of three."""
    check(LARGER_MODEL, "qlora", "bf16", checkpointing=False, layers=LARGER_LAYERS)
