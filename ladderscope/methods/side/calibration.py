"""Starts a side network from data: principal directions of its taps, and side blocks cut out of the backbone's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.layer import SideLayer
from ladderscope.methods.side.network import SideNetwork
from ladderscope.methods.side.projection import PrincipalProjection
from ladderscope.methods.side.pruning import prune_into
from ladderscope.methods.side.skeleton import values_left_out
from ladderscope.methods.side.slicing import BlockInputs, slice_into, watch_block_inputs
from ladderscope.methods.side.structure import execution_device, find_decoder

DEFAULT_TOKENS = 4096


def needs_calibration(model: nn.Module) -> bool:
    """Whether :func:`calibrate` has something to decide in the active side network.

    Principal directions remember that they were found; channels chosen by Fisher information do not, so that a new
    network and a trained one look the same there.
    """
    layer = find_side_layer(model)
    config = layer.network.config
    unfitted = any(not projection.is_fitted for projection in _principal(layer.network))
    return unfitted or (config.init == "pruned" and config.importance == "fisher")


def calibrate(model: nn.Module, batches: Iterable[Any], num_tokens: int = DEFAULT_TOKENS) -> None:
    """Start the active side network of ``model`` from a few batches.

    Finds the principal directions of frozen taps; cuts the side blocks out of the backbone's for ``init="sliced"``;
    chooses channels by Fisher information for ``init="pruned"`` with ``importance="fisher"``. Without this call,
    principal directions come from the first batch that is trained on. Call it before training: it overwrites.

    Args:
        model: what ``get_peft_model`` returned.
        batches: token ids (B, T), or mappings with ``input_ids`` and perhaps ``attention_mask`` and ``labels``.
        num_tokens: tokens to look at, evenly spread over the batches that hold them.

    Raises:
        ValueError: no batch was given, or Fisher information is asked of a quantised backbone.
    """
    layer = find_side_layer(model)
    network, blocks = layer.network, list(_blocks_of(model))
    device = execution_device(blocks[0])
    used = [{name: tensor.to(device) for name, tensor in batch.items()} for batch in _up_to(batches, num_tokens)]
    if not used:
        raise ValueError("calibrate() was given no batch: pass a few batches of training data")
    was_training = model.training
    model.eval()
    try:
        _start_from(model, layer, network, blocks, used, num_tokens)
    finally:
        model.train(was_training)


def _start_from(
    model: nn.Module,
    layer: SideLayer,
    network: SideNetwork,
    blocks: list[nn.Module],
    used: Sequence[Mapping[str, Tensor]],
    num_tokens: int,
) -> None:
    samples = _collect(model, layer, used, num_tokens)
    for tap in network.taps:
        projection = network.projection_of(tap)
        if isinstance(projection, PrincipalProjection):
            projection.fit(samples.hidden[tap].to(projection.matrix.device))
    if values_left_out():
        return  # the rest computes weights, on the host or from one block at a time
    if network.config.init == "sliced":
        hidden = {tap: states.float() for tap, states in samples.hidden.items()}
        slice_into(network, blocks, hidden, samples.inputs)
    elif network.config.init == "pruned" and network.config.importance == "fisher":
        prune_into(network, blocks, _fisher(model, blocks, used))


def find_side_layer(model: nn.Module) -> SideLayer:
    """The layer of ``model`` that carries its side networks.

    Raises:
        ValueError: it has none.
    """
    for module in model.modules():
        if isinstance(module, SideLayer):
            return module
    raise ValueError(f"{type(model).__name__} has no side network: wrap it with get_peft_model first")


@dataclass
class _Samples:
    """Of every tap the hidden states (N, H), as they were; of every backbone block what its matrices are given."""

    hidden: dict[int, Tensor] = field(default_factory=dict)
    inputs: dict[int, BlockInputs] = field(default_factory=dict)


@torch.no_grad()
def _collect(model: nn.Module, layer: SideLayer, batches: Sequence[Mapping[str, Tensor]], num_tokens: int) -> _Samples:
    decoder = find_decoder(unwrapped(model)).decoder
    taps = set(layer.network.taps)
    hidden: dict[int, list[Tensor]] = {tap: [] for tap in taps}
    samples = _Samples()
    stride = -(-sum(batch["input_ids"].numel() for batch in batches) // num_tokens)
    for batch in batches:
        keep = batch.get("attention_mask", torch.ones_like(batch["input_ids"])).bool().flatten().nonzero()[::stride, 0]

        def observe(index: int, output: Tensor, keep: Tensor = keep) -> None:
            if index in taps:
                hidden[index].append(output.flatten(0, 1)[keep.to(output.device)].cpu())

        with ExitStack() as stack:
            stack.enter_context(layer.lockstep.observe(observe))
            if layer.network.config.init == "sliced":
                stack.enter_context(
                    watch_block_inputs(list(_blocks_of(model)), layer.network.hidden_size, keep, samples.inputs)
                )
            arguments = {name: batch[name] for name in ("input_ids", "attention_mask") if name in batch}
            decoder(**arguments, use_cache=False)
    samples.hidden = {tap: parts[0] if len(parts) == 1 else torch.cat(parts) for tap, parts in hidden.items()}
    return samples


def _fisher(
    model: nn.Module, blocks: list[nn.Module], batches: Sequence[Mapping[str, Tensor]]
) -> list[dict[str, Tensor]]:
    """For every block the sum over batches of squared gradients, shaped as its parameters."""
    base: Any = unwrapped(model)
    if not all(parameter.is_floating_point() for block in blocks for parameter in block.parameters()):
        raise ValueError("importance='fisher' needs gradients of the backbone's weights, which are quantised here")
    sums = [
        {name: torch.zeros_like(p, dtype=torch.float32) for name, p in block.named_parameters()} for block in blocks
    ]
    with _gradients_of(blocks), find_side_layer(model).switched_off():
        for batch in batches:
            base(**{"labels": _labels(batch), **batch}, use_cache=False).loss.backward()
            for block, totals in zip(blocks, sums, strict=True):
                for name, parameter in block.named_parameters():
                    if parameter.grad is not None:  # an expert may get no token
                        totals[name] += parameter.grad.float().square()
                        parameter.grad = None
    return sums


def _labels(batch: Mapping[str, Tensor]) -> Tensor:
    """The tokens themselves, without padding."""
    ids = batch["input_ids"]
    return ids.masked_fill(batch["attention_mask"] == 0, -100) if "attention_mask" in batch else ids


@contextmanager
def _gradients_of(blocks: list[nn.Module]) -> Iterator[None]:
    for block in blocks:
        block.requires_grad_(True)
    try:
        yield
    finally:
        for block in blocks:
            block.requires_grad_(False)


def _up_to(batches: Iterable[Any], num_tokens: int) -> Iterator[Mapping[str, Tensor]]:
    seen = 0
    for batch in batches:
        batch = {"input_ids": batch} if isinstance(batch, Tensor) else batch
        yield batch
        seen += batch["input_ids"].numel()
        if seen >= num_tokens:
            return


def _principal(network: SideNetwork) -> list[PrincipalProjection]:
    return [module for module in network.projections.values() if isinstance(module, PrincipalProjection)]


def _blocks_of(model: nn.Module) -> nn.ModuleList:
    return find_decoder(unwrapped(model)).blocks


def unwrapped(model: nn.Module) -> nn.Module:
    """The transformers model inside a PEFT model."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model  # type: ignore[operator]
