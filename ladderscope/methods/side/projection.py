"""Fixed projections of taps: random orthonormal, or the whitened principal directions of what the tap carries."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_TOKENS = 8192
"""Tokens of the first training batch that principal directions are found from, at most."""
_OVERSAMPLING = 16
_POWER_ITERATIONS = 4
_FLOOR = 1e-3
"""Least standard deviation of a kept direction, as a share of the largest but one: rarer ones would be noise."""

_ROUNDING = 1e-6
_SAMPLES_PER_DIRECTION = 2
"""Below, samples vary less along a direction found from them than new ones do: with none, a hundred times less.
Samples that are alike, as those of a row that stands in a batch twice, count once."""


class RandomProjection(nn.Module):
    """Root-mean-square norm, then a fixed random matrix with orthonormal columns, (B, T, H) to (B, T, W).

    Nothing of its input is kept for backward: neither step has a parameter that is trained.
    """

    matrix: Tensor

    def __init__(self, hidden_size: int, side_width: int) -> None:
        super().__init__()
        self.register_buffer("matrix", nn.init.orthogonal_(torch.empty(hidden_size, side_width)))

    @torch.no_grad()
    def forward(self, hidden: Tensor) -> Tensor:
        """Project ``hidden``; the result has a root mean square of about one per channel."""
        hidden = hidden.to(self.matrix.dtype)
        return nn.functional.rms_norm(hidden, hidden.shape[-1:], eps=1e-6) @ self.matrix


class PrincipalProjection(nn.Module):
    """The leading principal directions of a tap, centred, each divided by its standard deviation.

    They are found by :meth:`fit`: from calibration batches, or from the first batch that is trained on. Before, the
    directions are random. Nothing of the input is kept for backward.
    """

    matrix: Tensor
    mean: Tensor
    fitted: Tensor

    def __init__(self, hidden_size: int, side_width: int) -> None:
        super().__init__()
        self.register_buffer("matrix", nn.init.orthogonal_(torch.empty(hidden_size, side_width)))
        self.register_buffer("mean", torch.zeros(hidden_size))
        self.register_buffer("fitted", torch.tensor(False))
        # Read from the buffer once only: on a GPU, reading it waits for the device.
        self._is_fitted: bool | None = False
        self.register_load_state_dict_post_hook(_forget)  # type: ignore[no-untyped-call]

    @property
    def is_fitted(self) -> bool:
        """Whether the directions are those of data."""
        if self._is_fitted is None:
            self._is_fitted = self.fitted.is_meta or bool(self.fitted.item())
        return self._is_fitted

    @torch.no_grad()
    def forward(self, hidden: Tensor) -> Tensor:
        """Project ``hidden``."""
        return (hidden.to(self.matrix.dtype) - self.mean) @ self.matrix

    def fit_once(self, hidden: Tensor, keep: Tensor | None = None) -> None:
        """Find the directions of the first batch (B, T, H) that is trained on; later calls do nothing.

        Args:
            hidden: of the batch.
            keep: which tokens (B, T) are no padding; None for all.
        """
        if self.is_fitted or not (self.training and torch.is_grad_enabled()):
            return
        samples = hidden.flatten(0, -2) if keep is None else hidden[keep.to(hidden.device)]
        self.fit(_spread(samples, MAX_TOKENS).to(self.matrix.device))
        _share_between_processes(self)

    @torch.no_grad()
    def fit(self, samples: Tensor) -> None:
        """Find the directions of ``samples`` (N, H)."""
        mean, directions, deviations = principal_directions(samples.float(), self.matrix.shape[1])
        self.mean.copy_(mean)
        self.matrix.copy_(directions / deviations)
        self.fitted.fill_(True)
        self._is_fitted = True


def principal_directions(samples: Tensor, num_directions: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (H,), leading directions (H, W) with orthonormal columns, and the standard deviation (W,) along each.

    Args:
        samples: (N, H) in fp32. With fewer samples than directions the rest of the directions are random. Of N samples
            that differ, only the first N / 2 deviations are taken as they are; the others are at least the last of
            those.
        num_directions: W.
    """
    num_distinct = _num_distinct(samples)
    mean = samples.mean(0)
    centred = samples - mean
    q = min(num_directions + _OVERSAMPLING, *centred.shape)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count()) if samples.is_cuda else []):
        torch.manual_seed(0)  # the randomised decomposition must not move the training's random numbers
        _, _, directions = torch.svd_lowrank(centred, q=q, niter=_POWER_ITERATIONS)
        filler = torch.randn(samples.shape[1], num_directions, device=samples.device)
    directions = torch.linalg.qr(torch.cat([directions[:, :num_directions], filler], dim=1)).Q[:, :num_directions]
    deviations = (centred @ directions).square().mean(0).sqrt()
    told = (num_distinct // _SAMPLES_PER_DIRECTION).clamp(1, num_directions)
    is_told = torch.arange(num_directions, device=samples.device) < told
    deviations = torch.where(is_told, deviations, deviations.maximum(deviations.gather(0, told - 1)))
    largest = deviations.sort(descending=True).values[min(1, num_directions - 1)]
    size = samples.square().mean().sqrt().clamp_min(torch.finfo(mean.dtype).tiny)
    floor = torch.where((num_distinct > 1) & (largest > _ROUNDING * size), _FLOOR * largest, size)
    return mean, directions, deviations.clamp_min(floor)


def _num_distinct(samples: Tensor) -> Tensor:
    """How many rows differ, (1,): those that are alike have the same sum of products with fixed weights."""
    weights = torch.linspace(1, 2, samples.shape[1], device=samples.device).sin()
    sums = (samples * weights).sum(1).sort().values
    return (sums.diff() > 0).sum(0, keepdim=True) + 1


def _spread(samples: Tensor, num_samples: int) -> Tensor:
    """At most ``num_samples`` rows, evenly spread."""
    return samples[:: -(-len(samples) // num_samples)]


def _share_between_processes(projection: PrincipalProjection) -> None:
    # Every process of a data-parallel run sees another first batch.
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.broadcast(projection.mean, 0)
        torch.distributed.broadcast(projection.matrix, 0)


def _forget(module: nn.Module, incompatible_keys: object) -> None:
    assert isinstance(module, PrincipalProjection)
    module._is_fitted = None
