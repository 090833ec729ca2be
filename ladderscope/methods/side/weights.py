"""Reads the weights of a decoder block with the meaning of every dimension, found by shape and place, not by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from ladderscope.methods.side.structure import is_attention

Role = Literal["residual", "ffn", "heads"]
"""What the channels of a dimension are: those of the residual stream, of the feed-forward, or of attention heads."""


@dataclass(frozen=True)
class BlockWeights:
    """Parameters of a block by name: dequantised, in fp32, matrices as (out, in), with a role per dimension."""

    parameters: Mapping[str, Tensor]
    roles: Mapping[str, tuple[Role, ...]]
    transposed: frozenset[str]

    @property
    def matrices(self) -> dict[str, Tensor]:
        """The parameters with two dimensions."""
        return {name: tensor for name, tensor in self.parameters.items() if tensor.dim() == 2}

    def size_of(self, role: Role) -> int:
        """Number of channels of a role; where several are fused in a matrix, of one of them."""
        return min(
            tensor.shape[dim]
            for name, tensor in self.matrices.items()
            for dim, each in enumerate(self.roles[name])
            if each == role
        )

    def channel_scores(self, importance: Mapping[str, Tensor], role: Role) -> Tensor:
        """Importance of every channel of ``role``, summed over all matrices that have it."""
        size = self.size_of(role)
        return torch.stack(
            [
                scores.sum(1 - dim).view(-1, size).sum(0)
                for name, scores in importance.items()
                for dim, each in enumerate(self.roles[name])
                if each == role
            ]
        ).sum(0)

    def turned(self, name: str, tensor: Tensor) -> Tensor:
        """``tensor`` from (out, in) to the way round that the block keeps it, or back."""
        return tensor.T if name in self.transposed else tensor


@torch.no_grad()
def read_block(block: nn.Module, hidden_size: int) -> BlockWeights:
    """Read a decoder block whose residual stream has ``hidden_size`` channels.

    Raises:
        ValueError: a parameter whose dimensions cannot be told, such as a stack of experts.
    """
    parameters: dict[str, Tensor] = {}
    transposed = set()
    for name, module, leaf, parameter in _owned(block):
        parameters[name] = _dequantised(module, leaf, parameter).float()
        if is_conv1d(module) and parameter.dim() == 2:
            parameters[name] = parameters[name].T
            transposed.add(name)
    return BlockWeights(parameters, _roles(block, parameters, hidden_size), frozenset(transposed))


def _owned(block: nn.Module) -> Iterator[tuple[str, nn.Module, str, nn.Parameter]]:
    from accelerate.utils import align_module_device

    for path, module in block.named_modules():
        with align_module_device(module):  # brings weights here that accelerate keeps elsewhere
            for leaf, parameter in module.named_parameters(recurse=False):
                yield (f"{path}.{leaf}" if path else leaf), module, leaf, parameter


def _dequantised(module: nn.Module, leaf: str, parameter: nn.Parameter) -> Tensor:
    if leaf != "weight" or parameter.is_floating_point():
        return parameter.detach()
    from peft.utils.integrations import dequantize_module_weight

    weight: Tensor = dequantize_module_weight(module)
    return weight.detach()


def is_conv1d(module: nn.Module) -> bool:
    """Whether a module is transformers' linear layer whose weight is (in, out)."""
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Conv1D)


def _roles(block: nn.Module, parameters: Mapping[str, Tensor], hidden_size: int) -> dict[str, tuple[Role, ...]]:
    inside = tuple(f"{path}." for path, module in block.named_modules() if path and is_attention(module))
    roles: dict[str, tuple[Role, ...]] = {}
    # Of the projections in attention that are as wide as the residual stream, the last goes back to it.
    back = [
        name
        for name, tensor in parameters.items()
        if tensor.dim() == 2 and tensor.shape[0] == hidden_size and name.startswith(inside)
    ][-1:]
    for name, tensor in parameters.items():
        if tensor.dim() > 2:
            raise ValueError(f"cannot start side blocks from the backbone's: {name} has {tensor.dim()} dimensions")
        if tensor.dim() == 2:
            channels: Role = "heads" if name.startswith(inside) else "ffn"
            to_residual = name in back if channels == "heads" else tensor.shape[0] == hidden_size
            roles[name] = ("residual", channels) if to_residual else (channels, "residual")
    square = [name for name, dims in roles.items() if dims == ("residual", "ffn") and _is_square(parameters[name])]
    roles |= dict.fromkeys(square[:-1], ("ffn", "residual"))  # where the widths do not tell, the last writes
    for name, tensor in parameters.items():
        if tensor.dim() == 1:
            of_matrix = roles.get(name.rpartition(".")[0] + ".weight", ())
            otherwise: Role = "heads" if name.startswith(inside) else "residual"
            roles[name] = (of_matrix[0] if len(of_matrix) == 2 else otherwise,)
    return roles


def _is_square(matrix: Tensor) -> bool:
    return matrix.shape[0] == matrix.shape[1]
