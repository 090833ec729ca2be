"""Side blocks that start as backbone blocks in the principal basis of their taps (``init="sliced"``).

In the manner of SliceGPT (arXiv 2401.15024), with a narrow block of its own instead of a changed model: matrices that
read the residual stream are composed with the linear map that best restores their input from the narrow stream, found
on calibration data; those that write to it are projected. Heads keep their first channel out of every few, the
feed-forward its most important channels, as for ``init="pruned"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.network import EMBEDDINGS, SideNetwork
from ladderscope.methods.side.projection import PrincipalProjection, principal_directions
from ladderscope.methods.side.pruning import kept_channels, most_important
from ladderscope.methods.side.weights import BlockWeights, Role, read_block

BlockInputs = dict[Role, Tensor]
"""What the matrices of a block are given that read the residual stream, (N, H): attention's and feed-forward's."""

_RIDGE = 1e-3


@dataclass(frozen=True)
class _Basis:
    """Coordinates of the residual stream that all side blocks share: (h - mean) @ directions / scale of the tap."""

    directions: Tensor


def slice_into(
    network: SideNetwork,
    backbone_blocks: Sequence[nn.Module],
    hidden: Mapping[int, Tensor],
    inputs: Mapping[int, BlockInputs],
) -> None:
    """Overwrite side blocks and downsamplers of ``network``, whose projections are fitted.

    Args:
        network: of frozen principal taps.
        backbone_blocks: the backbone's.
        hidden: of every tap the hidden states (N, H).
        inputs: of every backbone block what its matrices were given, on the same tokens.
    """
    basis = _shared_basis(network, hidden)
    source = 0
    for index, tap in enumerate(network.tap_map):
        source = source if tap is None else tap
        scale = _scale(hidden[source], basis)
        if tap is not None:
            _turn_tap_into_basis(network, index, tap, basis, scale)
        # A side block continues where its tap is: it does what the backbone's next block does.
        following = min(source + 1, len(backbone_blocks) - 1)
        stream = (hidden[source] - hidden[source].mean(0)) @ basis.directions / scale
        _slice_block(network, index, backbone_blocks[following], inputs[following], stream, basis, scale)


def _shared_basis(network: SideNetwork, hidden: Mapping[int, Tensor]) -> _Basis:
    taps = [tap for tap in network.taps if tap != EMBEDDINGS]
    centred = [hidden[tap] - hidden[tap].mean(0) for tap in taps]
    # Later blocks have a larger residual stream; every tap counts the same. The median, because of the few tokens
    # whose hidden states are hundreds of times the others'.
    pooled = torch.cat([states / states.norm(dim=-1).median() for states in centred])
    return _Basis(principal_directions(pooled[:: len(taps) // 8 + 1], network.side_width)[1])


def _scale(hidden: Tensor, basis: _Basis) -> Tensor:
    deviations = ((hidden - hidden.mean(0)) @ basis.directions).square().mean(0).sqrt()
    return deviations.clamp_min(1e-3 * float(deviations.median()))


def _turn_tap_into_basis(network: SideNetwork, index: int, tap: int, basis: _Basis, scale: Tensor) -> None:
    projection = network.projection_of(tap)
    assert isinstance(projection, PrincipalProjection)
    # The projection is directions / deviations; its pseudo-inverse restores what it keeps of a hidden state.
    restore = torch.linalg.pinv(projection.matrix.float().cpu())
    downsample: Any = network.downsample_of(index)
    downsample = downsample[0] if isinstance(downsample, nn.Sequential) else downsample
    downsample.weight.data.copy_((restore @ basis.directions / scale).T)
    downsample.bias.data.zero_()


def _slice_block(
    network: SideNetwork,
    index: int,
    backbone_block: nn.Module,
    inputs: BlockInputs,
    stream: Tensor,
    basis: _Basis,
    scale: Tensor,
) -> None:
    weights = read_block(backbone_block, network.hidden_size)
    target = read_block(network.blocks[index], network.side_width)
    ffn = most_important(
        weights, {n: m.abs() for n, m in weights.matrices.items()}, "ffn", target.size_of("ffn")
    ).cpu()
    normed = nn.functional.rms_norm(stream, stream.shape[-1:])
    for name, narrow in target.matrices.items():
        matrix, roles = weights.matrices[name].cpu(), weights.roles[name]
        channels = roles[0] if roles[1] == "residual" else roles[1]
        kept = kept_channels(channels, ffn, matrix.shape[roles.index(channels)], narrow.shape[roles.index(channels)])
        if roles[1] == "residual":
            sliced = matrix[kept] @ _restore(normed, inputs[channels]).T
            if channels == "heads" and _is_score(name, target):
                # Fewer channels make a smaller sum, under a larger scale.
                sliced *= (matrix.shape[0] / narrow.shape[0]) ** 0.25
        else:
            sliced = basis.directions.T @ matrix[:, kept] / scale[:, None]
        network.blocks[index].get_parameter(name).data.copy_(target.turned(name, sliced))


def _restore(normed: Tensor, given: Tensor) -> Tensor:
    """The matrix (W, H) that best maps the normed stream (N, W) to what the backbone's matrices were given (N, H)."""
    gram = normed.T @ normed
    gram += _RIDGE * gram.diagonal().mean() * torch.eye(len(gram))
    restored: Tensor = torch.linalg.solve(gram, normed.T @ given)
    return restored


def _is_score(name: str, target: BlockWeights) -> bool:
    """Queries and keys, as far as a name tells."""
    return name.split(".")[-2] in ("q_proj", "k_proj")


@contextmanager
def watch_block_inputs(
    blocks: Sequence[nn.Module], hidden_size: int, keep: Tensor, into: dict[int, BlockInputs]
) -> Iterator[None]:
    """Append to ``into`` what the matrices of ``blocks`` are given while the model runs; ``keep`` are the tokens."""
    handles = []
    for index, block in enumerate(blocks):
        roles = read_block(block, hidden_size).roles
        for role in ("heads", "ffn"):
            name = next(name for name, dims in roles.items() if dims == (role, "residual"))
            module = block.get_submodule(name.rpartition(".")[0])
            handles.append(module.register_forward_pre_hook(_Recorder(into.setdefault(index, {}), role, keep)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Recorder:
    def __init__(self, inputs: BlockInputs, role: Role, keep: Tensor) -> None:
        self.inputs, self.role, self.keep = inputs, role, keep

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        given = args[0].detach().flatten(0, -2)[self.keep.to(args[0].device)].float().cpu()
        before = self.inputs.get(self.role)
        self.inputs[self.role] = given if before is None else torch.cat([before, given])
