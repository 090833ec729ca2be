"""How side blocks start, where nothing but their own shape or the backbone's weights decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ladderscope.methods.side.light_block import LightBlock
from ladderscope.methods.side.network import SideNetwork
from ladderscope.methods.side.pruning import prune_into
from ladderscope.methods.side.weights import is_conv1d, read_block

_MATRIX_INITS: dict[str, Callable[[Tensor], Tensor]] = {
    "orthogonal": nn.init.orthogonal_,
    "xavier": nn.init.xavier_uniform_,
    "he": nn.init.kaiming_normal_,
}


@torch.no_grad()
def initialise(network: SideNetwork, backbone_blocks: Sequence[nn.Module]) -> None:
    """Give the side blocks of ``network`` the start that its config asks for.

    What needs data (``init="sliced"``, ``importance="fisher"``) is left to
    :func:`~ladderscope.methods.side.calibrate`; until then the magnitude decides, or the default stays.
    """
    config = network.config
    if any(parameter.is_meta for parameter in network.parameters()):
        return  # the values come from a file, or none are wanted
    if config.init in _MATRIX_INITS:
        for module in network.blocks.modules():
            for parameter in module.parameters(recurse=False):
                if parameter.dim() > 1:
                    matrix = parameter.T if is_conv1d(module) else parameter  # (out, in), as fans are counted
                    matrix.copy_(_MATRIX_INITS[config.init](torch.empty(matrix.shape, device=matrix.device)))
    elif config.init == "identity":
        for block in network.blocks:
            for parameter in _writers(block, network.side_width):
                parameter.zero_()
    elif config.init == "pruned":
        prune_into(network, backbone_blocks)


def _writers(block: nn.Module, side_width: int) -> list[nn.Parameter]:
    """Weights and biases of what writes to the stream: with zeros there, the block passes the stream on."""
    if isinstance(block, LightBlock):
        return [*block.value.parameters(), *block.down.parameters()]
    try:
        roles = read_block(block, side_width).roles
    except ValueError:
        return []  # a stack of experts: it starts as its class makes it
    written = [name.rpartition(".")[0] for name, dims in roles.items() if len(dims) == 2 and dims[0] == "residual"]
    return [parameter for name, parameter in block.named_parameters() if name.rpartition(".")[0] in written]
