"""Frozen projections of taps: principal directions and random ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import Tensor

from ladderscope.methods.side import LadderConfig
from ladderscope.methods.side.calibration import calibrate, needs_calibration
from ladderscope.methods.side.projection import (
    PrincipalProjection,
    RandomProjection,
    principal_directions,
)

HIDDEN, SIDE = 64, 16


def residual_stream(num_tokens: int, seed: int = 0) -> Tensor:
    """Hidden states (N, H) with correlated channels, an offset and two channels hundreds of times the others."""
    basis = torch.randn(HIDDEN, HIDDEN, generator=torch.Generator().manual_seed(9)) / 8
    spectrum = torch.linspace(3, 0.3, HIDDEN)
    states = torch.randn(num_tokens, HIDDEN, generator=torch.Generator().manual_seed(seed)) * spectrum @ basis + 2
    states[:, [5, 40]] *= 300
    return states


class TestPrincipalDirections:
    def test_are_those_of_the_exact_decomposition(self) -> None:
        samples = residual_stream(500)
        mean, directions, deviations = principal_directions(samples, SIDE)
        _, singular, exact = torch.linalg.svd(samples - samples.mean(0), full_matrices=False)
        torch.testing.assert_close(mean, samples.mean(0))
        torch.testing.assert_close(deviations[:12], singular[:12] / 500**0.5, rtol=0.03, atol=0)
        overlap = (exact[:8] @ directions).norm(dim=1)  # the leading ones lie in the span of what was found
        assert (overlap > 0.99).all()

    @pytest.mark.parametrize("num_samples", [1, 2, 5, 16, 17, 500])
    def test_are_orthonormal_and_finite_with_any_number_of_samples(self, num_samples: int) -> None:
        _, directions, deviations = principal_directions(residual_stream(num_samples), SIDE)
        torch.testing.assert_close(directions.T @ directions, torch.eye(SIDE), atol=1e-5, rtol=0)
        assert torch.isfinite(1 / deviations).all()
        assert (deviations > 0).all()

    def test_do_not_move_the_random_numbers_of_the_training(self) -> None:
        torch.manual_seed(3)
        expected = torch.rand(4)
        torch.manual_seed(3)
        principal_directions(residual_stream(100), SIDE)
        assert torch.equal(torch.rand(4), expected)


class TestPrincipalProjection:
    def test_gives_zero_mean_and_unit_variance_on_its_samples(self) -> None:
        samples, projection = residual_stream(500), PrincipalProjection(HIDDEN, SIDE)
        projection.fit(samples)
        out = projection(samples)
        torch.testing.assert_close(out.mean(0), torch.zeros(SIDE), atol=1e-2, rtol=0)
        torch.testing.assert_close(out.var(0, unbiased=False), torch.ones(SIDE), atol=1e-2, rtol=0)
        correlations = out.T @ out / 500 - torch.eye(SIDE)
        assert correlations.abs().max() < 0.05

    @pytest.mark.parametrize("num_samples", [4, 8, 15, 20, 40])
    def test_keeps_new_tokens_in_scale_where_few_were_seen(self, num_samples: int) -> None:
        # Along directions that samples do not show, or show too little of, new tokens would be a hundred times larger.
        projection = PrincipalProjection(HIDDEN, SIDE)
        projection.fit(residual_stream(num_samples))
        scales = projection(residual_stream(1000, seed=1)).square().mean(0).sqrt()
        assert scales.max() < 5
        assert scales.max() > 0.05

    @pytest.mark.parametrize("num_samples", [4, 9, 15])
    @pytest.mark.parametrize("copies", [2, 4])
    def test_rows_that_stand_in_the_batch_again_show_nothing_new(self, num_samples: int, copies: int) -> None:
        projection = PrincipalProjection(HIDDEN, SIDE)
        projection.fit(residual_stream(num_samples).repeat(copies, 1))
        assert projection(residual_stream(1000, seed=1)).square().mean(0).sqrt().max() < 5

    @pytest.mark.parametrize("num_samples", [1, 50])
    def test_keeps_new_tokens_finite_where_all_that_was_seen_is_one_token(self, num_samples: int) -> None:
        projection = PrincipalProjection(HIDDEN, SIDE)
        projection.fit(residual_stream(1).expand(num_samples, HIDDEN))
        assert projection(residual_stream(1000, seed=1)).square().mean().sqrt() < 10

    def test_floors_directions_that_hardly_vary(self) -> None:
        samples = torch.randn(200, HIDDEN) * torch.cat([torch.ones(4), torch.full((HIDDEN - 4,), 1e-6)])
        projection = PrincipalProjection(HIDDEN, SIDE)
        projection.fit(samples)
        assert projection(samples)[:, 4:].abs().max() < 0.02  # noise stays small

    def test_is_a_random_rotation_before_it_is_fitted(self) -> None:
        projection = PrincipalProjection(HIDDEN, SIDE)
        assert not projection.is_fitted
        assert torch.equal(projection.mean, torch.zeros(HIDDEN))
        torch.testing.assert_close(projection.matrix.T @ projection.matrix, torch.eye(SIDE), atol=1e-5, rtol=0)

    def test_is_found_from_the_first_batch_that_is_trained_on_and_never_again(self) -> None:
        projection = PrincipalProjection(HIDDEN, SIDE)
        before = projection.matrix.clone()
        hidden = residual_stream(200).view(2, 100, HIDDEN)
        projection.eval().fit_once(hidden)
        with torch.no_grad():
            projection.train().fit_once(hidden)
        assert torch.equal(projection.matrix, before)  # neither evaluation nor a pass without gradients
        projection.train().fit_once(hidden)
        first = projection.matrix.clone()
        assert projection.is_fitted
        assert not torch.equal(first, before)
        projection.train().fit_once(residual_stream(200, seed=5))
        assert torch.equal(projection.matrix, first)

    def test_padding_has_no_say(self) -> None:
        hidden, keep = residual_stream(200).view(2, 100, HIDDEN), torch.ones(2, 100, dtype=torch.bool)
        hidden[:, 60:], keep[:, 60:] = 50.0, False
        padded, alone = PrincipalProjection(HIDDEN, SIDE), PrincipalProjection(HIDDEN, SIDE)
        padded.fit_once(hidden, keep)
        alone.fit_once(hidden[:, :60])
        assert torch.equal(padded.mean, alone.mean)
        assert torch.equal(padded.matrix, alone.matrix)


class TestInAModel:
    def test_every_tap_has_directions_of_its_own_and_backward_keeps_nothing_of_it(
        self, tuned: Callable[..., Any], token_ids: Tensor
    ) -> None:
        model = tuned(LadderConfig).train()
        network = model.base_model.side_layer.network
        model(token_ids)
        matrices = [network.projection_of(tap).matrix for tap in range(4)]
        assert len({id(matrix) for matrix in matrices}) == 4
        assert not any(torch.allclose(matrices[0], other, rtol=0.1) for other in matrices[1:])
        assert not any(matrix.requires_grad for matrix in matrices)

    def test_what_was_found_is_saved_and_not_found_anew(
        self,
        tuned: Callable[..., Any],
        backbone: Callable[..., Any],
        train: Callable[..., list[float]],
        token_ids: Tensor,
        tmp_path: Path,
    ) -> None:
        model = tuned(LadderConfig)
        assert needs_calibration(model)
        train(model, token_ids, steps=1)
        assert not needs_calibration(model)
        model.save_pretrained(tmp_path)
        loaded = PeftModel.from_pretrained(backbone(), tmp_path, is_trainable=True)
        assert not needs_calibration(loaded)
        train(loaded, token_ids.flip(1), steps=1)
        for tap in range(4):
            mine, theirs = (m.base_model.side_layer.network.projection_of(tap) for m in (model, loaded))
            assert torch.equal(mine.matrix, theirs.matrix)
            assert torch.equal(mine.mean, theirs.mean)

    def test_calibrated_taps_are_left_alone_by_training(
        self, tuned: Callable[..., Any], train: Callable[..., list[float]], token_ids: Tensor
    ) -> None:
        model = tuned(LadderConfig)
        calibrate(model, [token_ids])
        projection = model.base_model.side_layer.network.projection_of(2)
        before = projection.matrix.clone()
        train(model, token_ids.flip(0), steps=1)
        assert torch.equal(projection.matrix, before)


class TestRandomProjection:
    def test_has_orthonormal_columns_and_outputs_of_about_one(self) -> None:
        projection = RandomProjection(HIDDEN, SIDE)
        torch.testing.assert_close(projection.matrix.T @ projection.matrix, torch.eye(SIDE), atol=1e-5, rtol=0)
        out = projection(100 * torch.randn(50, HIDDEN))
        assert 0.8 < out.square().mean().sqrt() < 1.2

    def test_is_one_for_all_taps(self, tuned: Callable[..., Any]) -> None:
        network = tuned(LadderConfig, basis="random").base_model.side_layer.network
        assert len({id(network.projection_of(tap)) for tap in range(4)}) == 1
