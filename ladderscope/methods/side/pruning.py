"""Side blocks that start as backbone blocks with most channels left out (``init="pruned"``, after LST).

Unlike LST's own code, which picks channels for each matrix anew, one set of residual channels is kept in a block, so
that what a matrix writes is what the next one reads. Heads keep their first channel out of every few, because rotary
positions turn those at the frequencies that the narrow head has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ladderscope.methods.side.network import SideNetwork
from ladderscope.methods.side.weights import BlockWeights, Role, read_block

Importance = Mapping[str, Tensor]
"""Parameter name -> importance of each of its elements."""


@torch.no_grad()
def prune_into(
    network: SideNetwork, backbone_blocks: Sequence[nn.Module], importances: Sequence[Importance] | None = None
) -> None:
    """Copy the most important channels of the backbone's blocks into the side blocks.

    Args:
        network: whose blocks are overwritten.
        backbone_blocks: the backbone's; a free block takes the one that runs before it.
        importances: for every backbone block, shaped as its parameters; None means the magnitude of the weights.
    """
    source = 0
    for index, tap in enumerate(network.tap_map):
        source = source if tap is None else tap
        weights = read_block(backbone_blocks[source], network.hidden_size)
        importance: Importance = {name: matrix.abs() for name, matrix in weights.matrices.items()}
        if importances is not None:
            importance = {name: weights.turned(name, importances[source][name]) for name in weights.matrices}
        _copy_channels(weights, importance, network.blocks[index], network.side_width)


def _copy_channels(weights: BlockWeights, importance: Importance, side_block: nn.Module, side_width: int) -> None:
    target = read_block(side_block, side_width)
    residual = most_important(weights, importance, "residual", target.size_of("residual"))
    ffn = most_important(weights, importance, "ffn", target.size_of("ffn"))
    for name, narrow in target.parameters.items():
        kept = weights.parameters[name]
        for dim, role in enumerate(weights.roles[name]):
            indices = residual if role == "residual" else kept_channels(role, ffn, kept.shape[dim], narrow.shape[dim])
            kept = kept.index_select(dim, indices)
        side_block.get_parameter(name).copy_(target.turned(name, kept))


def kept_channels(role: Role, ffn: Tensor, size: int, narrow: int) -> Tensor:
    """Which of ``size`` channels of heads or feed-forward stay when ``narrow`` do.

    Args:
        role: ``"heads"`` or ``"ffn"``.
        ffn: the feed-forward channels that stay.
        size: of the dimension; two fused feed-forward matrices have twice their channels.
        narrow: of the same dimension in the side block.
    """
    if role == "heads":
        return torch.arange(narrow, device=ffn.device) * size // narrow
    fused = narrow // len(ffn)
    return torch.cat([ffn + part * (size // fused) for part in range(fused)])


def most_important(weights: BlockWeights, importance: Importance, role: Role, num_kept: int) -> Tensor:
    """The channels of a role with the highest importance, in rising order."""
    return weights.channel_scores(importance, role).topk(num_kept).indices.sort().values
