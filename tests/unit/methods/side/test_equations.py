"""Every preset against its published equations, written out here with plain tensor operations on a tiny Llama."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, layer_norm, linear, silu

from ladderscope.methods.side import LadderConfig, LSTConfig, QSTConfig, XLadderConfig
from ladderscope.methods.side.calibration import calibrate

EPS = 1e-6
HEADS, KV_HEADS, HEAD_DIM = 4, 2, 8  # of the side blocks: 64 channels in 4 heads of 16, at half the width


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + EPS).sqrt() * weight


def rotate(x: Tensor) -> Tensor:
    """Rotary positions of (B, heads, T, head_dim)."""
    half = HEAD_DIM // 2
    frequencies = 10000.0 ** (-torch.arange(half) / half)
    angles = torch.arange(x.shape[2])[:, None] * frequencies
    first, second = x[..., :half], x[..., half:]
    return torch.cat(
        [first * angles.cos() - second * angles.sin(), second * angles.cos() + first * angles.sin()], dim=-1
    )


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    hidden_future = torch.ones(scores.shape[-2:]).triu(1).bool()
    attended: Tensor = scores.masked_fill(hidden_future, -math.inf).softmax(-1) @ value
    return attended


def llama_block(s: Tensor, block: Any) -> Tensor:
    def heads(projection: Any, number: int) -> Tensor:
        split: Tensor = linear(normed, projection.weight).unflatten(-1, (number, HEAD_DIM))
        return split.transpose(1, 2)

    normed, attention = rms_norm(s, block.input_layernorm.weight), block.self_attn
    query, key = rotate(heads(attention.q_proj, HEADS)), rotate(heads(attention.k_proj, KV_HEADS))
    value = heads(attention.v_proj, KV_HEADS)
    groups = HEADS // KV_HEADS
    attended = attend(query, key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1))
    s = s + linear(attended.transpose(1, 2).flatten(2), attention.o_proj.weight)
    normed, mlp = rms_norm(s, block.post_attention_layernorm.weight), block.mlp
    gated = silu(linear(normed, mlp.gate_proj.weight)) * linear(normed, mlp.up_proj.weight)
    return s + linear(gated, mlp.down_proj.weight)


def light_block(s: Tensor, block: Any) -> Tensor:
    """The authors' prototype of Ladder: one head, no norms, no positions, no output projection."""
    s = s + attend(*(linear(s, each.weight, each.bias) for each in (block.query, block.key, block.value)))
    up = linear(s, block.up.weight, block.up.bias).relu()
    return s + linear(up, block.down.weight, block.down.bias)


def affine(x: Tensor, layer: Any) -> Tensor:
    return linear(x, layer.weight, layer.bias)


def upsampled(s: Tensor, net: Any) -> Tensor:
    return affine(rms_norm(s, net.output.norm.weight), net.output.upsample)


class Taps:
    """What the plain backbone computes: embeddings, the outputs of its blocks, its final norm and its head."""

    def __init__(self, model: Any, ids: Tensor) -> None:
        self.blocks: list[Tensor] = []
        handle = model.model.layers[-1].register_forward_hook(lambda m, args, out: self.blocks.append(out))
        with torch.no_grad():
            # The last of these is behind the final norm already.
            self.embeddings, *between, _ = model(ids, output_hidden_states=True, use_cache=False).hidden_states
        handle.remove()
        self.blocks = [*between, *self.blocks]
        self.norm, self.head = model.model.norm.weight, model.lm_head.weight

    def logits(self, last: Tensor) -> Tensor:
        return linear(rms_norm(last, self.norm), self.head)


def lst(taps: Taps, net: Any) -> Tensor:
    """s = mu s + (1 - mu) D_i h_i with mu = sigmoid(alpha_i / 0.1); the side network alone predicts."""
    s = affine(taps.embeddings, net.downsamples["embeddings"])
    for i, h in enumerate(taps.blocks):
        mu = torch.sigmoid(net.gates[str(i)].logit / 0.1)
        s = llama_block(mu * s + (1 - mu) * affine(h, net.downsamples[str(i)]), net.blocks[i])
    return linear(upsampled(s, net), taps.head)


def qst(taps: Taps, net: Any) -> Tensor:
    """s = (1 - beta) A_i h_i + beta s with beta = sigmoid(gamma_i); head of alpha h + (1 - alpha) U s."""

    def adapter(h: Tensor, i: int) -> Tensor:
        (first, _, second), norm = net.downsamples[str(i)][0], net.downsamples[str(i)][1]
        return layer_norm(linear(silu(linear(h, first.weight)), second.weight), (32,), norm.weight, norm.bias)

    s = adapter(taps.embeddings, 0)
    for i, h in enumerate(taps.blocks):
        beta = torch.sigmoid(net.gates[str(i)].logit)
        s = llama_block((1 - beta) * adapter(h, i) + beta * s, net.blocks[i])
    alpha = net.output.alpha
    return linear(alpha * rms_norm(taps.blocks[-1], taps.norm) + (1 - alpha) * upsampled(s, net), taps.head)


def ladder(taps: Taps, net: Any) -> Tensor:
    """Frozen directions, a small trained matrix each; added before the final norm. Also xLadder's free blocks."""
    s: Any = None
    for i, source in enumerate(net.tap_map):
        if source is not None:
            fixed = net.projections[str(source)]
            tap = affine((taps.blocks[source] - fixed.mean) @ fixed.matrix, net.downsamples[str(i)])
            g = None if s is None else torch.sigmoid(net.gates[str(i)].logit / 0.1)
            s = tap if g is None else g * s + (1 - g) * tap
        s = llama_block(s, net.blocks[i])
    return taps.logits(taps.blocks[-1] + upsampled(s, net))


def prototype(taps: Taps, net: Any) -> Tensor:
    """xladder.py: one matrix for all taps, plain sums, light blocks, then free ones."""
    down = net.downsamples["shared"]
    s = light_block(affine(taps.blocks[1], down), net.blocks[0])
    s = light_block(s + affine(taps.blocks[2], down), net.blocks[1])
    s = light_block(light_block(s, net.blocks[2]), net.blocks[3])
    return taps.logits(taps.blocks[-1] + upsampled(s, net))


PROTOTYPE = {"downsample": "shared-linear", "gate": "none", "side_block": "light", "taps": [1, 2, None, None]}
CASES: list[Any] = [
    pytest.param(LSTConfig, {}, lst, id="lst"),
    pytest.param(QSTConfig, {}, qst, id="qst"),
    pytest.param(QSTConfig, {"gate": "vector"}, qst, id="qst, gates as in its code"),
    pytest.param(LadderConfig, {}, ladder, id="ladder"),
    pytest.param(XLadderConfig, {"delta": 2}, ladder, id="xladder"),
    pytest.param(LadderConfig, PROTOTYPE, prototype, id="prototype of xladder"),
]


@pytest.mark.parametrize(("make_config", "settings", "plain"), CASES)
def test_logits_and_gradients_are_those_of_the_published_equations(
    make_config: Any,
    settings: dict[str, Any],
    plain: Callable[[Taps, Any], Tensor],
    backbone: Callable[..., Any],
    tuned: Callable[..., Any],
    token_ids: Tensor,
) -> None:
    model = tuned(make_config, **settings)
    calibrate(model, [token_ids])
    net = model.base_model.side_layer.network
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)  # gates, alpha and the way up as well: none is at its start

    logits = model.train()(token_ids).logits
    expected = plain(Taps(backbone(), token_ids), net)

    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-5)
    names = [name for name, _ in net.named_parameters()]
    ours, theirs = (
        torch.autograd.grad(cross_entropy(out[:, :-1].flatten(0, 1), token_ids[:, 1:].flatten()), [*net.parameters()])
        for out in (logits, expected)
    )
    for name, got, wanted in zip(names, ours, theirs, strict=True):
        assert wanted.abs().max() > 0, name
        assert torch.allclose(got, wanted, rtol=1e-3, atol=1e-6), name
