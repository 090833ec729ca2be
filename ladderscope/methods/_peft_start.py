"""How PEFT's adapters start, at less cost: what PEFT computes on the host while it attaches an adapter.

On a real device every number stays what PEFT makes it. On a simulated one the numbers count for nothing, so those that
take long are made up: large random tensors, and the joint decomposition of a whole model's weights by FRoD.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ladderscope.torch_internals import is_on_meta

LARGE = 1 << 20
"""Elements from which a tensor on the host takes long to fill."""
_PERIOD = 4099
"""Of made-up numbers. A prime, so that the rows of a matrix differ."""
_FILLS = frozenset([Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_])
"""What a mode for functions sees of PyTorch's ways to draw numbers into a tensor."""


@contextmanager
def quick_start(model: nn.Module, tuner: str) -> Iterator[None]:
    """Inside, PEFT attaches adapters of ``tuner`` to ``model`` without what takes long and changes nothing.

    Args:
        model: the backbone; on a simulated device its weights have no data, and neither do the adapters'.
        tuner: as PEFT names it, such as ``boft``.
    """
    # Weights that are nowhere yet, on `meta` or on disk, will have values: only a simulated device's never do.
    made_up = any(is_on_meta(weight) and not weight.is_meta for weight in model.parameters())
    with ExitStack() as stack:
        if tuner == "boft":
            stack.enter_context(_replaced("peft.tuners.boft.layer", "BOFTLayer.perm2mat", _permutation_matrix))
        if tuner == "frod" and made_up:
            stack.enter_context(_replaced("peft.tuners.frod.model", "_projection_from_weights", _frod_projection))
            stack.enter_context(
                _replaced("peft.tuners.frod.layer", "FrodLayer._calculate_frod_u_and_lambda", _frod_factors)
            )
        stack.enter_context(_HostNumbers(made_up))
        yield


class _HostNumbers(TorchFunctionMode):
    """Draws a permutation once where layer after layer draws the same one, and makes large random tensors up."""

    def __init__(self, made_up: bool) -> None:
        super().__init__()
        self._made_up = made_up
        self._permutations: dict[Any, tuple[Tensor, Tensor]] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        generator = kwargs.get("generator") if len(kwargs) == 1 else None
        if func is torch.randperm and generator is not None and len(args) == 1 and args[0] >= LARGE:
            return self._permutation(args[0], generator)
        if self._made_up and func in _FILLS:
            filled = args[0] if args else kwargs["tensor"]
            if _is_large_on_host(filled):
                return _fill(filled)
        return func(*args, **kwargs)

    def _permutation(self, count: int, generator: torch.Generator) -> Tensor:
        """What ``torch.randperm`` gives, and the generator's state after it.

        Tuners seed a generator anew for every layer: 28 layers of a 3B model would shuffle ten million numbers each.
        """
        key = (count, generator.get_state().numpy().tobytes())
        if key not in self._permutations:
            drawn = torch.randperm(count, generator=generator)
            self._permutations[key] = drawn, generator.get_state()
        drawn, state = self._permutations[key]
        generator.set_state(state)
        return drawn.clone()


def _is_large_on_host(tensor: Tensor) -> bool:
    return not is_on_meta(tensor) and tensor.is_cpu and tensor.numel() >= LARGE and tensor.is_contiguous()


@torch.no_grad()
def _fill(tensor: Tensor) -> Tensor:
    period = torch.randn(_PERIOD).to(tensor.dtype)
    flat = tensor.view(-1)
    whole = tensor.numel() // _PERIOD * _PERIOD
    flat[:whole].view(-1, _PERIOD).copy_(period)
    flat[whole:].copy_(period[: tensor.numel() - whole])
    return tensor


def _permutation_matrix(layer: Any, indices: Any) -> Tensor:
    """What BOFT's ``perm2mat`` gives, which sets its ones in a Python loop."""
    rows = len(indices)
    matrix = torch.zeros((rows, rows))
    matrix[torch.arange(rows), torch.as_tensor(indices)] = 1
    return matrix


def _frod_projection(matrices: list[Tensor], regularization_alpha: float) -> Tensor:
    """In the place of FRoD's basis for the weights of all layers: of its shape, and on the host, too."""
    columns = matrices[0].shape[1]
    return _fill(torch.empty(columns, columns, dtype=matrices[0].dtype))


def _frod_factors(layer: Any, basis: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """In the place of a layer's coordinates in that basis, which the host solves for."""
    weight.detach().to(torch.float64)  # where the weight is, so this takes memory there
    if weight.ndim != 2 or basis.shape != (weight.shape[1], weight.shape[1]):
        raise RuntimeError(f"FRoD cannot solve for a weight of shape {tuple(weight.shape)}.")
    return _fill(torch.empty(weight.shape)), torch.ones(weight.shape[1])


@contextmanager
def _replaced(module: str, path: str, replacement: Any) -> Iterator[None]:
    """``replacement`` in the place of what the installed PEFT has there, if it has it."""
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for part in owners:
        owner = getattr(owner, part, None)
    if not hasattr(owner, name):
        yield
        return
    with mock.patch.object(owner, name, replacement):
        yield
