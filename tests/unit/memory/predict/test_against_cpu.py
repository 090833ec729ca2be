"""The trace against reality: under a CPU's rules it gives the peak that PyTorch's CPU allocator really has."""

from __future__ import annotations

import pytest

from studies.prediction_accuracy.cpu import LARGER_LAYERS, LARGER_MODEL, METHODS, MODELS, compare, make_cell

TOLERANCE = 0.005


def check(model: str, method: str, dtype: str, checkpointing: bool, loss: str = "full", layers: int = 4) -> None:
    comparison = compare(make_cell(model, method, dtype, checkpointing, loss), layers)
    assert abs(comparison.ratio - 1) <= TOLERANCE, (
        f"predicted {comparison.predicted:,} bytes, measured {comparison.measured:,}: {comparison.ratio:.5f}"
    )


@pytest.mark.parametrize("checkpointing", [False, True], ids=["all kept", "checkpointing"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", MODELS)
def test_the_peak_of_a_step_is_predicted(model: str, method: str, dtype: str, checkpointing: bool) -> None:
    check(model, method, dtype, checkpointing, layers=2)


@pytest.mark.parametrize("method", ["full", "qlora", "ladder"])
def test_the_chunked_loss_is_predicted(method: str) -> None:
    check("tiny-llama", method, "fp32", checkpointing=False, loss="chunked", layers=2)


def test_a_model_of_the_shape_of_smollm2_is_predicted() -> None:
    """The larger one: wide layers, a vocabulary of 49152, and heads that share keys in groups of three."""
    check(LARGER_MODEL, "qlora", "bf16", checkpointing=False, layers=LARGER_LAYERS)
