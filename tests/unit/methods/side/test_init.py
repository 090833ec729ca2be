"""How the matrices of side blocks start where neither data nor the backbone's weights decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ladderscope.methods.side import LadderConfig
from ladderscope.methods.side.weights import read_block

MATRICES = ["llama", "gpt2", "opt", "gpt_neox", "phi3"]


def matrices(model: Any) -> dict[str, Tensor]:
    """Of the first side block, as (out, in) also where the architecture keeps them the other way round."""
    block = model.base_model.side_layer.network.blocks[0]
    return read_block(block, 32).matrices


@pytest.mark.parametrize("model_type", MATRICES)
class TestEveryArchitecture:
    def test_orthogonal_matrices_have_orthonormal_rows_or_columns(
        self, tuned: Callable[..., Any], model_type: str
    ) -> None:
        for name, matrix in matrices(tuned(LadderConfig, model_type, init="orthogonal")).items():
            small = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
            assert torch.allclose(small @ small.T, torch.eye(len(small)), atol=1e-5), name

    def test_xavier_is_uniform_by_the_sum_of_the_fans(self, tuned: Callable[..., Any], model_type: str) -> None:
        for name, matrix in matrices(tuned(LadderConfig, model_type, init="xavier")).items():
            bound = (6 / sum(matrix.shape)) ** 0.5
            assert 0.97 * bound < matrix.abs().max() <= bound, name
            assert matrix.std() == pytest.approx(bound / 3**0.5, rel=0.1), name

    def test_he_is_normal_by_the_number_of_inputs(self, tuned: Callable[..., Any], model_type: str) -> None:
        for name, matrix in matrices(tuned(LadderConfig, model_type, init="he")).items():
            deviation = (2 / matrix.shape[1]) ** 0.5
            assert matrix.std() == pytest.approx(deviation, rel=0.1), name
            assert matrix.abs().max() > 2 * deviation, name

    @pytest.mark.parametrize("init", ["orthogonal", "xavier", "he"])
    def test_only_matrices_of_side_blocks_are_touched(
        self, tuned: Callable[..., Any], model_type: str, init: str
    ) -> None:
        default, started = (
            tuned(LadderConfig, model_type, init=each).base_model.side_layer.network for each in ("default", init)
        )
        for (name, before), after in zip(default.named_parameters(), started.parameters(), strict=True):
            assert torch.equal(before, after) == (not name.startswith("blocks.") or before.dim() == 1), name


def test_default_is_that_of_the_blocks_class(tuned: Callable[..., Any]) -> None:
    for name, matrix in matrices(tuned(LadderConfig)).items():  # linear layers of a Llama: torch's own
        bound = matrix.shape[1] ** -0.5
        assert 0.97 * bound < matrix.abs().max() <= bound, name
    for name, matrix in matrices(tuned(LadderConfig, "gpt2")).items():
        assert matrix.std() == pytest.approx(0.02, rel=0.1), name
