"""How the side network joins the backbone's output. A new way is one class and one entry in ``OUTPUTS``."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

_CHUNK_TOKENS = 2048


class SideOutput(nn.Module):
    """Norm and up-projection of the side stream, (B, T, W) to (B, T, H).

    Args:
        hidden_size: H.
        side_width: W.
        dropout: between the two.
        gain: what the norm's weight starts with.
    """

    def __init__(self, hidden_size: int, side_width: int, dropout: float, gain: float = 1.0) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(side_width, eps=1e-6)
        nn.init.constant_(self.norm.weight, gain)
        self.dropout = nn.Dropout(dropout)
        self.upsample = nn.Linear(side_width, hidden_size)

    def up(self, stream: Tensor, dtype: torch.dtype) -> Tensor:
        """The side network's output in the backbone's width and ``dtype``."""
        out: Tensor = self.upsample(self.dropout(self.norm(stream)))
        return out.to(dtype)

    def forward(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> Tensor:
        """What the head sees, (B, T, H).

        Long sequences go through in chunks that are computed again in backward: a norm holds several copies of its
        input in fp32, which would be the peak of the whole step.

        Args:
            stream: the side stream behind the last side block.
            hidden: the backbone's last hidden state, before its final norm.
            final_norm: that norm.
        """
        if not torch.is_grad_enabled() or stream.shape[1] <= _CHUNK_TOKENS:
            return self.join(stream, hidden, final_norm)
        chunks = zip(stream.split(_CHUNK_TOKENS, dim=1), hidden.split(_CHUNK_TOKENS, dim=1), strict=True)
        joined = [checkpoint(self.join, *chunk, final_norm, use_reentrant=False) for chunk in chunks]
        return torch.cat(joined, dim=1)

    def join(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> Tensor:
        """What the head sees of some tokens."""
        raise NotImplementedError


class AddOutput(SideOutput):
    """Added to the last hidden state; the projection starts at zero, so the model starts as the backbone."""

    def __init__(self, hidden_size: int, side_width: int, dropout: float, gain: float = 1.0) -> None:
        super().__init__(hidden_size, side_width, dropout, gain)
        nn.init.zeros_(self.upsample.weight)
        nn.init.zeros_(self.upsample.bias)

    def join(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> Tensor:
        """Norm of the sum."""
        normed: Tensor = final_norm(hidden + self.up(stream, hidden.dtype))
        return normed


class MixOutput(SideOutput):
    """QST: ``alpha * normed + (1 - alpha) * side``; ``alpha`` is trained and starts at 1, so that is the backbone."""

    def __init__(self, hidden_size: int, side_width: int, dropout: float, gain: float = 1.0) -> None:
        super().__init__(hidden_size, side_width, dropout, gain)
        self.alpha = nn.Parameter(torch.ones(()))

    def join(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> Tensor:
        """The mixture; exactly the backbone's at ``alpha`` = 1."""
        normed = final_norm(hidden)
        # 1 - alpha keeps its precision in 16 bits, in which alpha near 1 would be 1.
        mixed: Tensor = normed + (1 - self.alpha).to(normed.dtype) * (self.up(stream, normed.dtype) - normed)
        return mixed


class ReplaceOutput(SideOutput):
    """LST: the side network alone."""

    def join(self, stream: Tensor, hidden: Tensor, final_norm: nn.Module) -> Tensor:
        """The side network's output, in the backbone's dtype."""
        return self.up(stream, hidden.dtype)


OUTPUTS: dict[str, type[SideOutput]] = {"add": AddOutput, "mix": MixOutput, "replace": ReplaceOutput}
