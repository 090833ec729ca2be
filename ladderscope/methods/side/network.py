"""The side network: projections, downsamplers, gates, side blocks and the way back to the backbone's width.

Shapes: B batch, T tokens, H backbone width, W side width.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ladderscope.methods.side.config import TRAINED_ON_TAPS, SideConfig
from ladderscope.methods.side.downsample import make_downsample, make_projection
from ladderscope.methods.side.gates import make_gate
from ladderscope.methods.side.outputs import OUTPUTS, SideOutput
from ladderscope.methods.side.projection import PrincipalProjection
from ladderscope.methods.side.taps import group_by_tap

RunBlock = Callable[[int, Tensor], Tensor]
"""Calls side block number i on the stream (B, T, W), with the mask and positions of the running forward pass."""

EMBEDDINGS = -1
"""What stands for the embeddings where a backbone block's index stands otherwise."""
_SHARED = "shared"


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
        self.config = config
        self.hidden_size = hidden_size
        self.side_width = side_width
        self.rotary: nn.Module | None = None
        """Makes the rotary position embeddings of the side blocks, where the decoder makes them for its own."""
        self.tap_map = config.tap_map(num_layers)
        self._side_blocks_of = group_by_tap(self.tap_map)
        self.blocks = nn.ModuleList(make_block(i) for i in range(len(self.tap_map)))
        widths = (config, hidden_size, side_width)
        # Copies of one: a random orthonormal matrix takes long to make, and each tap's is found from data later.
        projection = make_projection(*widths)
        self.projections = nn.ModuleDict({self._projection_name(tap): copy.deepcopy(projection) for tap in self.taps})
        names = dict.fromkeys(map(self._downsample_name, self._tapped_blocks()))
        self.downsamples = nn.ModuleDict({name: make_downsample(*widths) for name in names})
        self.gates = nn.ModuleDict({str(index): make_gate(config, side_width) for index in self._gated_blocks()})
        self.dropout = nn.Dropout(config.dropout)
        self.output: SideOutput = OUTPUTS[config.output](hidden_size, side_width, config.dropout, config.output_gain)

    @property
    def taps(self) -> list[int]:
        """The backbone blocks that are tapped, in order; :data:`EMBEDDINGS` first where the embeddings are."""
        starts_from_embeddings = self.config.embedding_tap != "none"
        return [*([EMBEDDINGS] if starts_from_embeddings else []), *self._side_blocks_of]

    @property
    def dtype(self) -> torch.dtype:
        """Of the side stream."""
        return self.output.upsample.weight.dtype

    def project(self, layer: int, hidden: Tensor, keep: Tensor | None = None) -> Tensor:
        """The frozen step on the output ``hidden`` (B, T, H) of backbone block ``layer``, or of the embeddings.

        ``keep`` (B, T) says which tokens are no padding, for principal directions that are not found yet.
        """
        projection = self.projection_of(layer)
        if isinstance(projection, PrincipalProjection):
            projection.fit_once(hidden, keep)
        buffer = next(projection.buffers(), hidden)
        projected: Tensor = projection(hidden.to(buffer.device))
        return projected

    def start(self, projected: Tensor) -> Tensor:
        """The side stream (B, T, W) that the embeddings give."""
        return self._downsampled(EMBEDDINGS, projected)

    def feed(self, stream: Tensor | None, layer: int, projected: Tensor, run_block: RunBlock) -> Tensor:
        """Take a tap and run the side blocks that wait for it.

        Args:
            stream: the side stream (B, T, W), None before the first tap.
            layer: index of the backbone block that has just run; one of :attr:`taps`.
            projected: what :meth:`project` made of its output; must not require a gradient.
            run_block: how to call a side block.

        Returns:
            The side stream after those blocks.
        """
        for index in self._side_blocks_of[layer]:
            tap = projected if self.tap_map[index] is not None else None
            stream = self._step(index, stream, tap, run_block)
        assert stream is not None
        return stream

    def join(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> Tensor:
        """What the head sees, (B, T, H), given the backbone's last hidden state and its final norm."""
        joined: Tensor = self.output(stream.to(self.output.upsample.weight.device), hidden, final_norm)
        return joined

    def _step(self, index: int, stream: Tensor | None, tap: Tensor | None, run_block: RunBlock) -> Tensor:
        if not (self.config.checkpoint_blocks and self.training and torch.is_grad_enabled()):
            return self._gate_and_run(index, stream, None if tap is None else self._downsampled(index, tap), run_block)
        if self.config.downsample in TRAINED_ON_TAPS and tap is not None:
            # Outside of what is recomputed, which would keep the whole tap for it.
            tap = self._downsampled(index, tap)
            step: Callable[..., Tensor] = self._gate_and_run
        else:
            step = self._downsample_gate_and_run
        out: Tensor = checkpoint(step, index, stream, tap, run_block, use_reentrant=False)
        return out

    def _downsample_gate_and_run(
        self, index: int, stream: Tensor | None, projected: Tensor | None, run_block: RunBlock
    ) -> Tensor:
        tap = None if projected is None else self._downsampled(index, projected)
        return self._gate_and_run(index, stream, tap, run_block)

    def _gate_and_run(self, index: int, stream: Tensor | None, tap: Tensor | None, run_block: RunBlock) -> Tensor:
        if stream is None:
            stream = tap
        elif tap is not None:
            stream = self.gates[str(index)](stream.to(tap.device), tap)
        assert stream is not None
        return run_block(index, stream)

    def _downsampled(self, index: int, projected: Tensor) -> Tensor:
        """The tap (B, T, W) of side block ``index``, or of the embeddings."""
        if self.config.downsample not in TRAINED_ON_TAPS:
            projected = projected.to(self.dtype)
        tap: Tensor = self.dropout(self.downsample_of(index)(projected))
        return tap

    def projection_of(self, layer: int) -> nn.Module:
        """The frozen step on the output of backbone block ``layer``, or on the embeddings."""
        return self.projections[self._projection_name(layer)]

    def downsample_of(self, index: int) -> nn.Module:
        """The trained step of side block ``index``, or of the embeddings."""
        return self.downsamples[self._downsample_name(index)]

    def modules_at(self, layer: int) -> list[nn.Module]:
        """What works on the output of backbone block ``layer``, or on the embeddings."""
        indices = [EMBEDDINGS] if layer == EMBEDDINGS else self._side_blocks_of[layer]
        named: list[tuple[nn.Module, str]] = [(self.projections, self._projection_name(layer))]
        named += [(self.downsamples, self._downsample_name(index)) for index in indices]
        named += [(container, str(index)) for container in (self.gates, self.blocks) for index in indices]
        return [module for container, name in named if (module := dict(container.named_children()).get(name))]

    # ---- names -------------------------------------------------------------------------------------------------

    def _tapped_blocks(self) -> list[int]:
        own_start = [EMBEDDINGS] if self.config.embedding_tap == "own" else []
        return [*own_start, *(index for index, tap in enumerate(self.tap_map) if tap is not None)]

    def _gated_blocks(self) -> list[int]:
        first = 0 if self.config.embedding_tap == "none" else None
        return [index for index, tap in enumerate(self.tap_map) if tap is not None and index != first]

    def _projection_name(self, layer: int) -> str:
        one_for_all = self.config.downsample != "frozen" or self.config.basis == "random"
        return _SHARED if one_for_all else _name(layer)

    def _downsample_name(self, index: int) -> str:
        if self.config.downsample == "shared-linear":
            return _SHARED
        return _name(0 if index == EMBEDDINGS and self.config.embedding_tap == "shared" else index)


def _name(index: int) -> str:
    return "embeddings" if index == EMBEDDINGS else str(index)
