"""Runs the frozen feed-forwards of the backbone in chunks of tokens, to bound what they hold at long sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.structure import is_attention


class ChunkedFeedForwards:
    """Replaces ``forward`` of every feed-forward module of ``blocks``; :meth:`remove` puts it back.

    A feed-forward is a child of a block that has weights of two dimensions and no attention. Architectures that keep
    its layers in the block itself (OPT) are left as they are.

    Args:
        blocks: the backbone's.
        chunk_tokens: asked at each call for the tokens per chunk; None runs it whole.
    """

    def __init__(self, blocks: Sequence[nn.Module], chunk_tokens: Callable[[], int | None]) -> None:
        self._modules = [module for block in blocks for module in block.children() if _is_feed_forward(module)]
        for module in self._modules:
            module.forward = _Chunked(module.forward, chunk_tokens)

    def remove(self) -> None:
        """Give every feed-forward its own ``forward`` back."""
        for module in self._modules:
            if isinstance(module.forward, _Chunked):
                module.forward = module.forward.whole
                if getattr(module.forward, "__func__", None) is type(module).forward:
                    del module.forward  # the class's own again
        self._modules = []


class _Chunked:
    def __init__(self, whole: Callable[..., Any], chunk_tokens: Callable[[], int | None]) -> None:
        self.whole = whole
        self.chunk_tokens = chunk_tokens

    def __call__(self, hidden: Tensor, *args: Any, **kwargs: Any) -> Any:
        size = self.chunk_tokens()
        differentiated = torch.is_grad_enabled() and hidden.requires_grad
        more = any(isinstance(value, Tensor) for value in (*args, *kwargs.values()))  # BLOOM's takes the residual
        if size is None or differentiated or more or hidden.dim() != 3 or hidden.shape[1] <= size:
            return self.whole(hidden, *args, **kwargs)
        out = torch.empty_like(hidden)
        for part, result in zip(hidden.split(size, dim=1), out.split(size, dim=1), strict=True):
            result.copy_(self.whole(part.contiguous(), *args, **kwargs))  # GPT-2 views it as rows
        return out


def _is_feed_forward(module: nn.Module) -> bool:
    inside = list(module.modules())
    linears = [m for m in inside if isinstance(m, nn.Linear) or type(m).__name__ == "Conv1D"]
    return len(linears) > 1 and not any(is_attention(m) for m in inside)
