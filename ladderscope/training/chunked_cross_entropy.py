"""Cross-entropy through an output head, over chunks of tokens: the logits of all tokens never exist at once.

The gradients are computed in forward, right behind the logits that they need, and kept until backward scales them.
What is kept is as large as what a plain head keeps, the gradient of the hidden states in place of the hidden states,
and the head's own gradients, which are due at the start of backward anyway, when as much else is alive. In return
no chunk's product runs twice: the head costs the FLOPs of the plain loss, where recomputing in backward costs a third
more.

Memory. With N tokens, hidden width H, vocabulary V, chunks of C tokens and b bytes per number of the head's dtype:

* while the function runs, C V (b + 4) bytes for 16-bit heads (the logits, and one fp32 copy that becomes, in place,
  softmax and gradient), C V b for fp32 and fp64 heads; C V max(4, b) more under a softcap, whose slope must be kept;
* from forward to backward, N H bytes times the size of the hidden states' dtype, plus the trained weight's V H b;
* for a trained 16-bit weight, 4 V H bytes while it runs and 6 V H at its end, when the chunks' logits are gone:
  chunks are added up in fp32, since sums of many 16-bit numbers lose their small terms.

A head that is more than a matrix (quantised, with LoRA on it, moved about by accelerate's hooks) runs as a module,
chunk by chunk, with autograd inside: C V (2 b + 4) bytes, and what the module itself makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.training.chunk_heads import ChunkHead, HeadRun, make_head

CHUNK_TOKENS = 256


def linear_cross_entropy_in_chunks(
    hidden: Tensor,
    head: nn.Module | Tensor,
    labels: Tensor,
    *,
    bias: Tensor | None = None,
    chunk_tokens: int = CHUNK_TOKENS,
    scale: float = 1.0,
    softcap: float | None = None,
    ignore_index: int = -100,
) -> Tensor:
    """Sum over tokens of the cross-entropy of ``head(hidden)``, without ever holding the logits of all tokens.

    Value and gradients are those of ``cross_entropy(cap(head(hidden) * scale).float(), labels, reduction="sum")``.
    Softmax and sums are in fp32 (fp64 for fp64 input); only what requires a gradient gets one computed. Works under
    ``no_grad``, under autocast and on meta tensors. Forward hooks of a plain ``nn.Linear`` do not run.

    Args:
        hidden: (N, H) floating point.
        head: the output head as a module from (n, H) to (n, V), or its weight (V, H).
        labels: (N,) of int64 in [0, V), or ``ignore_index``.
        bias: (V,), only together with a weight.
        chunk_tokens: how many tokens have their logits in memory at a time.
        scale: the logits are multiplied by it.
        softcap: the scaled logits become ``softcap * tanh(logits / softcap)``.
        ignore_index: label of a token without loss.

    Returns:
        A scalar in nats; 0 if no token has a label.

    Raises:
        NotImplementedError: in backward, under ``create_graph=True``.
        ValueError: shapes that do not fit, or no token in a chunk.
    """
    if hidden.dim() != 2 or labels.shape != hidden.shape[:1]:
        raise ValueError(f"hidden must be (N, H) and labels (N,), not {tuple(hidden.shape)}, {tuple(labels.shape)}")
    if chunk_tokens < 1:
        raise ValueError(f"chunk_tokens must be at least 1, not {chunk_tokens}")
    if bias is not None and isinstance(head, nn.Module):
        raise ValueError("a bias goes with a weight; a head module brings its own")
    runner = make_head(head, bias)
    rule = _Rule(chunk_tokens, scale, softcap, ignore_index, with_gradients=torch.is_grad_enabled())
    loss: Tensor = _ChunkedLoss.apply(  # type: ignore[no-untyped-call]
        runner, labels.to(hidden.device), rule, hidden, *runner.parameters
    )
    return loss


@dataclass(frozen=True)
class _Rule:
    chunk_tokens: int
    scale: float
    softcap: float | None
    ignore_index: int
    with_gradients: bool


class _ChunkedLoss(torch.autograd.Function):
    """Inputs: head, labels, rule, hidden states, then the head's parameters."""

    @staticmethod
    def forward(ctx: Any, head: ChunkHead, labels: Tensor, rule: _Rule, hidden: Tensor, *parameters: Tensor) -> Tensor:
        wanted = [rule.with_gradients and needed for needed in ctx.needs_input_grad[3:]]
        run = head.start(hidden, parameters, wanted, min(rule.chunk_tokens, len(hidden)))
        total = _run_chunks(run, hidden, labels, rule, any(wanted))
        ctx.save_for_backward(*run.gradients())
        return total

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            # once_differentiable would leave this loss out of second derivatives without a word.
            raise NotImplementedError(
                "the chunked loss has no second derivatives: use the full loss with create_graph"
            )
        # In place, but for a graph that the caller keeps to go through it again.
        kept = torch._C._autograd._get_current_graph_task_keep_graph()
        scaled = (
            None if gradient is None else (gradient * grad_output if kept else gradient.mul_(grad_output))
            for gradient in ctx.saved_tensors
        )
        return None, None, None, *scaled


def _run_chunks(run: HeadRun, hidden: Tensor, labels: Tensor, rule: _Rule, with_gradients: bool) -> Tensor:
    total = torch.zeros((), dtype=torch.promote_types(hidden.dtype, torch.float32), device=hidden.device)
    for start in range(0, len(hidden), rule.chunk_tokens):
        rows = slice(start, min(start + rule.chunk_tokens, len(hidden)))
        logits = run.logits(rows)
        total += cross_entropy_(logits, labels[rows], rule.scale, rule.softcap, rule.ignore_index, with_gradients)
        if with_gradients:
            run.backward(rows, logits)
    return total


def cross_entropy_(
    logits: Tensor, labels: Tensor, scale: float, softcap: float | None, ignore_index: int, with_gradient: bool
) -> Tensor:
    """Sum of the cross-entropy of ``logits`` (n, V), which are overwritten: with the sum's gradient, or with scratch.

    Args:
        logits: what the head gave, in fp32 or fp64.
        labels: (n,), ``ignore_index`` where there is no loss.
        scale: factor of the logits.
        softcap: bound of the scaled logits.
        ignore_index: label of a token without loss.
        with_gradient: leave the gradient of the sum with respect to the given ``logits`` in ``logits``.
    """
    ignored = (labels == ignore_index).unsqueeze(-1)
    index = labels.unsqueeze(-1).masked_fill(ignored, 0)
    slope = _scale_and_cap_(logits, scale, softcap)
    logits -= logits.amax(-1, keepdim=True)
    of_label = logits.gather(-1, index)
    norm = logits.exp_().sum(-1, keepdim=True)
    loss = (norm.log() - of_label).masked_fill_(ignored, 0).sum()
    if with_gradient:
        logits /= norm
        logits.scatter_(-1, index, logits.gather(-1, index) - 1)
        logits.masked_fill_(ignored, 0)  # not a product with 0: what is ignored may be infinite
        if slope is not None:
            logits *= slope
        if scale != 1:
            logits *= scale
    return loss


def _scale_and_cap_(logits: Tensor, scale: float, softcap: float | None) -> Tensor | None:
    """Scales and caps in place; returns the slope of the cap at each logit."""
    if scale != 1:
        logits *= scale
    if softcap is None:
        return None
    logits.div_(softcap).tanh_()
    slope = logits.square().neg_().add_(1)
    logits *= softcap
    return slope
