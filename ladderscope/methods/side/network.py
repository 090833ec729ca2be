"""The side network: taps, gates, side blocks and the projection back to the backbone's width.

Shapes: B batch, T tokens, H backbone width, W side width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.config import SideConfig

RunBlock = Callable[[nn.Module, Tensor], Tensor]
"""Calls a side block on the stream (B, T, W) with the mask and positions of the running forward pass."""


class SideNetwork(nn.Module):
    """A small transformer that is fed by taps of the backbone, in lockstep with it.

    Args:
        config: the side-tuning choices.
        num_layers: number of backbone blocks.
        hidden_size: backbone width H.
        side_width: side width W.
        make_block: makes side block number i.
    """

    def __init__(
        self,
        config: SideConfig,
        num_layers: int,
        hidden_size: int,
        side_width: int,
        make_block: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.rotary: nn.Module | None = None
        """Makes the rotary position embeddings of the side blocks, where the decoder makes them for its own."""
        tap_map = config.tap_map(num_layers)
        self._side_blocks_of_tap = _group_by_tap(tap_map)
        self.blocks = nn.ModuleList(make_block(i) for i in range(len(tap_map)))
        frozen = config.downsample == "frozen"
        self.projection = FrozenProjection(hidden_size, side_width) if frozen else nn.Identity()
        tap_width = side_width if frozen else hidden_size
        self.downsamples = nn.ModuleDict(
            {str(tap): nn.Linear(tap_width, side_width) for tap in self._side_blocks_of_tap}
        )
        first_tap = next(iter(self._side_blocks_of_tap))
        gated = [tap for tap in self._side_blocks_of_tap if tap != first_tap]
        make_gate = ScalarGate if config.gate == "scalar" else SumGate
        self.gates = nn.ModuleDict({str(tap): make_gate(config.gate_temperature) for tap in gated})
        self.norm = nn.RMSNorm(side_width, eps=1e-6)
        self.upsample = nn.Linear(side_width, hidden_size)
        nn.init.zeros_(self.upsample.weight)
        nn.init.zeros_(self.upsample.bias)

    def feed(self, stream: Tensor | None, layer: int, hidden: Tensor, run_block: RunBlock) -> Tensor | None:
        """Take the output ``hidden`` (B, T, H) of backbone block ``layer`` and run the side blocks that wait for it.

        Args:
            stream: the side stream (B, T, W), None before the first tap.
            layer: index of the backbone block that has just run.
            hidden: its output; must not require a gradient.
            run_block: how to call a side block.

        Returns:
            The side stream after those blocks.
        """
        side_blocks = self._side_blocks_of_tap.get(layer)
        if side_blocks is None:
            return stream
        downsample = self.downsamples[str(layer)]
        tap = downsample(self.projection(hidden).to(downsample.weight.dtype))
        stream = tap if stream is None else self.gates[str(layer)](stream, tap)
        for index in side_blocks:
            stream = run_block(self.blocks[index], stream)
        return stream

    def output(self, stream: Tensor) -> Tensor:
        """What the side network adds to the backbone's last hidden state, (B, T, H); zero at initialisation."""
        added: Tensor = self.upsample(self.norm(stream))
        return added


class FrozenProjection(nn.Module):
    """Root-mean-square norm, then a fixed random matrix with orthonormal columns, (B, T, H) to (B, T, W).

    Nothing of its input is kept for backward: neither step has a parameter that is trained.
    """

    matrix: Tensor

    def __init__(self, hidden_size: int, side_width: int) -> None:
        super().__init__()
        self.register_buffer("matrix", nn.init.orthogonal_(torch.empty(hidden_size, side_width)))

    def forward(self, hidden: Tensor) -> Tensor:
        """Project ``hidden``; the result has a root mean square of about one per channel."""
        with torch.no_grad():
            hidden = hidden.to(self.matrix.dtype)
            return nn.functional.rms_norm(hidden, hidden.shape[-1:], eps=1e-6) @ self.matrix


class ScalarGate(nn.Module):
    """LST's gate: ``g * stream + (1 - g) * tap`` with ``g = sigmoid(logit / temperature)``, starting at one half."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.logit = nn.Parameter(torch.zeros(()))

    def forward(self, stream: Tensor, tap: Tensor) -> Tensor:
        """Mix two tensors (B, T, W)."""
        return torch.lerp(tap, stream, torch.sigmoid(self.logit / self.temperature))


class SumGate(nn.Module):
    """Plain addition of stream and tap."""

    def __init__(self, temperature: float) -> None:
        super().__init__()

    def forward(self, stream: Tensor, tap: Tensor) -> Tensor:
        """Add two tensors (B, T, W)."""
        return stream + tap


def _group_by_tap(tap_map: list[int | None]) -> Mapping[int, list[int]]:
    """Backbone block -> the side blocks that run once it has: the one it feeds and the free ones behind that."""
    groups: dict[int, list[int]] = {}
    for index, tap in enumerate(tap_map):
        if tap is not None:
            groups[tap] = []
        groups[max(groups)].append(index)
    return groups


def side_block_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a backbone block as its side block needs them: the same, without any key-value cache."""
    from transformers.cache_utils import Cache

    def drop_cache(value: Any) -> Any:
        return None if isinstance(value, Cache) else value

    changed = {name: drop_cache(value) for name, value in kwargs.items()}
    if "use_cache" in changed:
        changed["use_cache"] = False
    return tuple(map(drop_cache, args[1:])), changed
