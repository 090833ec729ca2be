"""How an output head runs on a chunk of tokens and gives its gradients: as a matrix, or as any module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from ladderscope.training.chunk_sums import ChunkSum, wide_dtype


class HeadRun(Protocol):
    """One pass over the chunks."""

    def logits(self, rows: slice) -> Tensor:
        """Logits (n, V) of the tokens ``rows`` in fp32 or fp64, to be overwritten; valid until the next call."""
        ...

    def backward(self, rows: slice, gradient: Tensor) -> None:
        """Take the gradient of the loss with respect to the logits (n, V) of the chunk that ran last."""
        ...

    def gradients(self) -> list[Tensor | None]:
        """For hidden states and parameters, the gradients that were wanted, None for the others."""
        ...


class ChunkHead(Protocol):
    """An output head: what may be trained in it, and how to begin a pass."""

    @property
    def parameters(self) -> Sequence[Tensor | None]:
        """What the loss may have gradients for, besides the hidden states."""
        ...

    def start(
        self, hidden: Tensor, parameters: Sequence[Tensor | None], wanted: Sequence[bool], chunk_tokens: int
    ) -> HeadRun:
        """Begin a pass over hidden states (N, H); ``wanted`` is about them, then about the parameters."""
        ...


def make_head(head: nn.Module | Tensor, bias: Tensor | None = None) -> ChunkHead:
    """The fast way for a weight (V, H) or a plain linear layer, the general way for any other module."""
    if isinstance(head, Tensor):
        return MatrixHead(head, bias)
    module = _unwrapped(head)
    # A forward of the instance's own is accelerate's, which may hold the weights elsewhere; a weight that is no plain
    # parameter is quantised or sharded.
    if type(module) is nn.Linear and type(module.weight) is nn.Parameter and "forward" not in vars(module):
        return MatrixHead(module.weight, module.bias)
    return ModuleHead(module)


def _unwrapped(head: nn.Module) -> nn.Module:
    """The copy that PEFT trains in place of a module of ``modules_to_save``."""
    from peft.utils.other import ModulesToSaveWrapper

    if not isinstance(head, ModulesToSaveWrapper):
        return head
    active = head.active_adapters
    trained = not head.disable_adapters and active and active[0] in head.modules_to_save
    module: nn.Module = head.modules_to_save[active[0]] if trained else head.original_module
    return module


class MatrixHead:
    """``hidden @ weight.T + bias``."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self.parameters = (weight, bias)

    def start(
        self, hidden: Tensor, parameters: Sequence[Tensor | None], wanted: Sequence[bool], chunk_tokens: int
    ) -> HeadRun:
        """See :class:`ChunkHead`."""
        weight, bias = parameters
        assert weight is not None
        return _MatrixRun(hidden, weight, bias, wanted, chunk_tokens)


class ModuleHead:
    """A module that is called, so that its hooks, dropout and quantised products run as they are."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self.parameters = tuple(parameter for parameter in module.parameters() if parameter.requires_grad)

    def start(
        self, hidden: Tensor, parameters: Sequence[Tensor | None], wanted: Sequence[bool], chunk_tokens: int
    ) -> HeadRun:
        """See :class:`ChunkHead`."""
        return _ModuleRun(self._module, hidden, self.parameters, wanted, chunk_tokens)


class _MatrixRun:
    def __init__(
        self, hidden: Tensor, weight: Tensor, bias: Tensor | None, wanted: Sequence[bool], chunk_tokens: int
    ) -> None:
        dtype = _product_dtype(hidden, weight)
        self._hidden = hidden
        self._parameters = (weight, bias)
        self._weight = weight.to(dtype)
        self._bias = None if bias is None else bias.to(dtype)
        self._wants_hidden, *self._wants = wanted
        self._grad_hidden = torch.empty_like(hidden) if self._wants_hidden else None
        self._sums = [ChunkSum(several=len(hidden) > chunk_tokens) for _ in self._parameters]
        # The buffers of all chunks: the product, and its copy in fp32 unless the product is as wide already.
        self._product = hidden.new_empty(chunk_tokens, len(weight), dtype=dtype)
        wide = wide_dtype(dtype)
        self._wide = self._product if wide == dtype else torch.empty_like(self._product, dtype=wide)

    def logits(self, rows: slice) -> Tensor:
        hidden = self._chunk(rows)
        product, wide = self._product[: len(hidden)], self._wide[: len(hidden)]
        if self._bias is None:
            torch.mm(hidden, self._weight.T, out=product)
        else:
            torch.addmm(self._bias, hidden, self._weight.T, out=product)
        return wide if self._wide is self._product else wide.copy_(product)

    def backward(self, rows: slice, gradient: Tensor) -> None:
        narrow = gradient
        if self._wide is not self._product:
            narrow = self._product[: len(gradient)].copy_(gradient)
        if self._grad_hidden is not None:
            out = self._grad_hidden[rows]
            if out.dtype == narrow.dtype:
                torch.mm(narrow, self._weight, out=out)
            else:
                out.copy_(narrow @ self._weight)
        if self._wants[0]:
            self._sums[0].add_product(narrow.T, self._chunk(rows))
        if self._wants[1]:
            self._sums[1].add(gradient.sum(0))

    def gradients(self) -> list[Tensor | None]:
        del self._product, self._wide
        sums = [total.of(parameter) for total, parameter in zip(self._sums, self._parameters, strict=True)]
        return [self._grad_hidden, *sums]

    def _chunk(self, rows: slice) -> Tensor:
        return self._hidden[rows].to(self._weight.dtype)


class _ModuleRun:
    def __init__(
        self,
        module: nn.Module,
        hidden: Tensor,
        parameters: Sequence[Tensor],
        wanted: Sequence[bool],
        chunk_tokens: int,
    ) -> None:
        self._module = module
        self._hidden = hidden
        self._wants_hidden = wanted[0]
        self._wants = any(wanted)
        self._grad_hidden = torch.empty_like(hidden) if self._wants_hidden else None
        self._parameters = [parameter for parameter, want in zip(parameters, wanted[1:], strict=True) if want]
        self._places = [index for index, want in enumerate(wanted[1:]) if want]
        self._num_parameters = len(parameters)
        self._sums = [ChunkSum(several=len(hidden) > chunk_tokens) for _ in self._parameters]
        self._graph: tuple[Tensor, Tensor] | None = None

    def logits(self, rows: slice) -> Tensor:
        self._graph = None
        with torch.set_grad_enabled(self._wants):
            hidden = self._hidden[rows].detach().requires_grad_(self._wants_hidden)
            logits: Tensor = self._module(hidden)
        if self._wants:
            self._graph = hidden, logits
        return logits.detach().to(wide_dtype(logits.dtype), copy=True)

    def backward(self, rows: slice, gradient: Tensor) -> None:
        assert self._graph is not None
        hidden, logits = self._graph
        inputs = [hidden, *self._parameters] if self._wants_hidden else self._parameters
        grads = list(torch.autograd.grad(logits, inputs, gradient.to(logits.dtype), allow_unused=True))
        self._graph = None
        if self._grad_hidden is not None:
            self._grad_hidden[rows] = grads.pop(0)
        for total, grad in zip(self._sums, grads, strict=True):
            if grad is not None:
                total.add(grad.clone())  # autograd may give two parameters one and the same tensor

    def gradients(self) -> list[Tensor | None]:
        of_parameters: list[Tensor | None] = [None] * self._num_parameters
        for place, total, parameter in zip(self._places, self._sums, self._parameters, strict=True):
            of_parameters[place] = total.of(parameter)
        return [self._grad_hidden, *of_parameters]


def _product_dtype(hidden: Tensor, weight: Tensor) -> torch.dtype:
    kind = hidden.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind) and weight.dtype != torch.float64:
        return torch.get_autocast_dtype(kind)
    return weight.dtype
