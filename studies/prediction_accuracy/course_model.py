"""The language model of the recorded steps, written anew: pre-norm blocks, RoPE, softmax and losses by hand.

The recorded steps are from course work (CS336, Stanford) in which students write every layer from plain operations.
Which operations those are, and in which order, is all that memory depends on; widths and depths are arguments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Sizes:
    """Of a model: width, blocks, heads, inner width of the feed-forward layers, longest sequence, vocabulary."""

    width: int
    blocks: int
    heads: int
    inner_width: int
    context: int
    vocabulary: int = 10_000


class Linear(nn.Module):
    """A product with a weight of shape ``(out, in)``, which ``einsum("oi,...i->...o")`` is given first.

    Up to torch 2.6, with which the steps were recorded, einsum keeps its operands in this order, so that the result
    has tokens in its last dimension in memory; newer ones turn them round. So its product is spelt out here.
    """

    def __init__(self, out_features: int, in_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_features, in_features, device="cuda"))

    def forward(self, hidden: Tensor) -> Tensor:
        batch, tokens, width = hidden.shape
        columns = hidden.permute(2, 0, 1).reshape(1, width, batch * tokens)
        product = torch.bmm(self.weight.unsqueeze(0), columns)
        return product.view(-1, batch, tokens).permute(1, 2, 0)


class Norm(nn.Module):
    """RMSNorm by the length of a vector, in fp32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.weight = nn.Parameter(torch.ones(width, device="cuda"))

    def forward(self, hidden: Tensor) -> Tensor:
        dtype = hidden.dtype
        hidden = hidden.to(torch.float32)
        length = torch.linalg.vector_norm(hidden, dim=-1, keepdim=True)
        scaled = hidden / torch.sqrt(length**2 / self.width + 1e-5)
        return torch.einsum("d,bsd->bsd", self.weight, scaled).to(dtype)


class Rotation(nn.Module):
    """RoPE, from a table of cosine and sine by position and channel."""

    table: Tensor

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.register_buffer("table", torch.zeros(context, channels // 2, 2, device="cuda"), persistent=False)

    def forward(self, hidden: Tensor, positions: Tensor) -> Tensor:
        pairs = hidden.unflatten(-1, (-1, 2))
        cosine = self.table[positions, :, 0].unsqueeze(1)
        sine = self.table[positions, :, 1].unsqueeze(1)
        rotated = torch.zeros_like(pairs)
        rotated[..., 0] = cosine * pairs[..., 0] - sine * pairs[..., 1]
        rotated[..., 1] = sine * pairs[..., 0] + cosine * pairs[..., 1]
        return rotated.reshape(hidden.shape)


def softmax(scores: Tensor) -> Tensor:
    """Over the last dimension."""
    largest = torch.max(scores, dim=-1, keepdim=True)[0]
    powers = torch.exp(scores - largest)
    total = torch.sum(powers, dim=-1, keepdim=True)
    return powers / total


class Attention(nn.Module):
    """Causal attention whose mask is made anew in every block."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.query = Linear(sizes.width, sizes.width)
        self.key = Linear(sizes.width, sizes.width)
        self.value = Linear(sizes.width, sizes.width)
        self.output = Linear(sizes.width, sizes.width)
        self.rotation = Rotation(sizes.width // sizes.heads, sizes.context)

    def forward(self, hidden: Tensor) -> Tensor:
        batch, tokens, _ = hidden.shape
        queries, keys, values = self.query(hidden), self.key(hidden), self.value(hidden)
        by_head = [part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (queries, keys, values)]
        positions = torch.arange(tokens, device=hidden.device).unsqueeze(0).expand(batch, -1)
        rotated_queries = self.rotation(by_head[0], positions)
        rotated_keys = self.rotation(by_head[1], positions)
        mask = torch.triu(torch.ones(tokens, tokens, device=hidden.device), diagonal=1).to(torch.bool)
        mask = ~mask
        mask = mask.unsqueeze(0).unsqueeze(0).expand(batch, self.heads, -1, -1)
        result = self._attend(rotated_queries, rotated_keys, by_head[2], mask)
        result = result.transpose(1, 2).reshape(batch, tokens, -1)
        projected: Tensor = self.output(result)
        return projected

    @staticmethod
    def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        scores = torch.einsum("...qd,...kd->...qk", queries, keys)
        scores = scores / math.sqrt(queries.shape[-1])
        scores = scores.masked_fill(mask == False, -1e9)  # noqa: E712 - an operation of its own, with its own result
        weights = softmax(scores)
        return torch.einsum("...qk,...kd->...qd", weights, values)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.gate = Linear(sizes.inner_width, sizes.width)
        self.down = Linear(sizes.width, sizes.inner_width)
        self.up = Linear(sizes.inner_width, sizes.width)

    def forward(self, hidden: Tensor) -> Tensor:
        gate = self.gate(hidden)
        up = self.up(hidden)
        gated = torch.sigmoid(gate) * gate
        product = gated * up
        projected: Tensor = self.down(product)
        return projected


class Block(nn.Module):
    """Attention and a feed-forward layer, each behind a norm and beside a residual stream."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.first_norm, self.attention = Norm(sizes.width), Attention(sizes)
        self.second_norm, self.feed_forward = Norm(sizes.width), FeedForward(sizes)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.first_norm(hidden)
        inner = self.attention(inner)
        hidden = hidden + inner
        inner = self.second_norm(hidden)
        inner = self.feed_forward(inner)
        result: Tensor = hidden + inner
        return result


class LanguageModel(nn.Module):
    """Token ids in, logits out."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.embeddings = nn.Parameter(torch.empty(sizes.vocabulary, sizes.width, device="cuda"))
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.blocks))
        self.norm = Norm(sizes.width)
        self.head = Linear(sizes.vocabulary, sizes.width)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.embeddings[tokens]
        for block in self.blocks:
            hidden = block(hidden)
        hidden = self.norm(hidden)
        logits: Tensor = self.head(hidden)
        return logits


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean over all tokens; positions are counted on the host, as the recorded step does."""
    logits, targets = logits.reshape(-1, logits.shape[-1]), targets.reshape(-1)
    largest = torch.max(logits, dim=-1, keepdim=True).values
    logits = logits - largest
    powers = torch.exp(logits)
    total = powers.sum(dim=-1)
    rows = torch.arange(logits.shape[0])
    target_logits = logits[rows, targets]
    losses = torch.log(total) - target_logits
    return losses.mean()


class AdamW(torch.optim.Optimizer):
    """Parameter by parameter, in place where the recorded one is."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        super().__init__(parameters, {"lr": 1e-4})

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for parameter in self.param_groups[0]["params"]:
            gradient, state = parameter.grad.data, self.state[parameter]
            if not state:
                state["mean"], state["square"] = torch.zeros_like(parameter.data), torch.zeros_like(parameter.data)
            mean, square = state["mean"], state["square"]
            mean.mul_(0.9).add_(gradient, alpha=0.1)
            square.mul_(0.95).addcmul_(gradient, gradient, value=0.05)
            denominator = (square.sqrt() / 0.2).add_(1e-8)
            parameter.data.addcdiv_(mean, denominator, value=-1e-4)
            parameter.data.add_(parameter.data, alpha=-1e-6)
