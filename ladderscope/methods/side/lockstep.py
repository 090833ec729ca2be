"""Runs the side network while the backbone runs: hooks hand it each tap as soon as its block is done."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.blocks import block_arguments, mask_sources
from ladderscope.methods.side.cache import add_side_layers, find_cache, refuse_foreign_cache
from ladderscope.methods.side.capturing import uncaptured
from ladderscope.methods.side.network import EMBEDDINGS
from ladderscope.methods.side.structure import DecoderParts, execution_device

if TYPE_CHECKING:
    from ladderscope.methods.side.layer import SideLayer

Observer = Callable[[int, Tensor], None]
"""Told the index of a backbone block and its output (B, T, H); the embeddings are :data:`EMBEDDINGS`."""


@dataclass
class _Pass:
    """What one forward pass carries along. Recomputed side blocks hold on to it after the pass has ended."""

    stream: Tensor | None = None
    keep: Tensor | None = None
    """Which tokens (B, T) are no padding; None where all are, or nobody said."""
    positions: dict[Any, Any] = field(default_factory=dict)


class Lockstep:
    """The hooks of one :class:`SideLayer` on its decoder. They do nothing while the adapters are switched off.

    Args:
        layer: holds the side networks.
        num_layers: of the backbone.
    """

    def __init__(self, layer: SideLayer, num_layers: int) -> None:
        self._layer = layer
        self._num_layers = num_layers
        self._pass: _Pass | None = None
        self._observer: Observer | None = None
        self._given: Mapping[int, Tensor] | None = None
        self._handles: list[Any] = []

    # ---- for the layer -----------------------------------------------------------------------------------------

    def watch(self, parts: DecoderParts) -> None:
        """Install the hooks; :meth:`unwatch` takes them away."""
        self._handles = [
            parts.decoder.register_forward_pre_hook(self._before_decoder, with_kwargs=True),
            parts.blocks[0].register_forward_pre_hook(self._before_blocks, with_kwargs=True),
            parts.decoder.register_forward_hook(self._after_decoder, always_call=True),
        ]
        for index, block in enumerate(parts.blocks):
            self._handles.append(block.register_forward_hook(_AfterBlock(self, index), with_kwargs=True))

    def unwatch(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    @property
    def stream(self) -> Tensor | None:
        """The side stream of the running pass, None before the first tap and outside of a pass."""
        return None if self._pass is None else self._pass.stream

    def last_hidden(self, hidden: Tensor) -> Tensor:
        """The backbone's last hidden state: what reached the final norm, or what was given in its place."""
        if self._observer is not None:
            self._observer(self._num_layers, hidden)
        return hidden if self._given is None else self._given_like(self._num_layers, hidden)

    def release(self) -> None:
        """Forget the pass that is running or ran last."""
        self._pass = None

    @contextmanager
    def observe(self, observer: Observer) -> Iterator[None]:
        """Show all block outputs, the embeddings and the last hidden state to ``observer``; no side block runs."""
        self._observer = observer
        try:
            yield
        finally:
            self._observer = None

    @property
    def is_given(self) -> bool:
        """Whether taps come from elsewhere now."""
        return self._given is not None

    @contextmanager
    def give(self, taps: Mapping[int, Tensor]) -> Iterator[None]:
        """Use these projected taps (B, T, W), and the last hidden state (B, T, H), in place of the backbone's."""
        self._given = taps
        try:
            yield
        finally:
            self._given = None

    # ---- hooks -------------------------------------------------------------------------------------------------

    def _before_decoder(
        self, decoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        self.release()
        if not self._layer.is_active:
            return None
        if getattr(decoder, "_is_replica", False):
            # The replicas of one process would share this object.
            raise NotImplementedError("side networks do not work under DataParallel: use one GPU for each process")
        mask = kwargs.get("attention_mask")
        self._pass = _Pass(keep=mask.bool() if isinstance(mask, Tensor) and mask.dim() == 2 else None)
        cache = find_cache(args, kwargs)
        refuse_foreign_cache(cache, self._num_layers, self._layer.active_adapters[0])
        if not self._layer.training and not decoder.training:
            return None
        if decoder.training:
            # The backbone runs in inference mode: no dropout, and no activation checkpointing, which would only
            # recompute blocks that keep nothing.
            decoder.eval()
            self._layer.train()
        _stop_checkpointing(self._layer.network.blocks)
        if cache is None and torch.is_grad_enabled():
            # Models make a cache by default; in training it would only hold every key and value of the backbone.
            return args, {**kwargs, "use_cache": False}
        return None

    def _after_decoder(self, decoder: nn.Module, args: Any, output: Any) -> None:
        # Also after an exception on the way, which would leave a stream behind.
        self.release()

    def _before_blocks(
        self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Cut the graph before the first block, and start the side stream.

        ``enable_input_require_grads``, which Trainer, TRL and ``prepare_model_for_kbit_training`` call, would
        otherwise bring the whole backbone back into the backward pass.
        """
        if not self._layer.is_active:
            return None
        args = tuple(map(_detached, args))
        kwargs = {name: _detached(value) for name, value in kwargs.items()}
        embeddings = args[0] if args else kwargs["hidden_states"]
        if self._observer is not None:
            self._observer(EMBEDDINGS, embeddings)
        elif self._pass is not None and EMBEDDINGS in self._layer.network.taps:
            self._pass.stream = self._layer.network.start(self._projected(EMBEDDINGS, embeddings))
        return args, kwargs

    def after_block(self, layer: int, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        """Hand the output of backbone block ``layer`` on."""
        if not self._layer.is_active:
            return
        hidden = (output[0] if isinstance(output, tuple) else output).detach()
        if self._observer is not None:
            self._observer(layer, hidden)
            return
        network = self._layer.network
        if self._pass is None or layer not in network.taps:
            return
        cache = find_cache(args, kwargs)
        if cache is not None:
            sources = mask_sources(network.config, self._num_layers)
            add_side_layers(cache, self._num_layers, sources, self._layer.active_adapters[0])
        run_block = self._block_runner(self._pass, args, kwargs)
        self._pass.stream = network.feed(self._pass.stream, layer, self._projected(layer, hidden), run_block)

    def _projected(self, layer: int, hidden: Tensor) -> Tensor:
        if self._given is not None:
            return self._given_like(layer, hidden)
        keep = None if self._pass is None else self._pass.keep
        return self._layer.network.project(layer, hidden, keep)

    def _given_like(self, layer: int, hidden: Tensor) -> Tensor:
        """What was given, of as many rows and tokens as run: the chunked loss tries itself on a few first."""
        assert self._given is not None
        return self._given[layer][: hidden.shape[0], : hidden.shape[1]]

    def _block_runner(
        self, current: _Pass, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[int, Tensor], Tensor]:
        network = self._layer.network
        # Without the hidden state: a side block that is recomputed in backward holds on to this function.
        passed = args[1:], {name: value for name, value in kwargs.items() if name != "hidden_states"}

        def run_block(index: int, stream: Tensor) -> Tensor:
            block = network.blocks[index]
            device = execution_device(block)
            stream = stream.to(device)
            block_args, block_kwargs = block_arguments(*passed, device)
            if "position_embeddings" in block_kwargs and network.rotary is not None:
                kind = self._kind_of_attention(index)
                positions = _position_embeddings(network.rotary, kind, stream, block_kwargs, current.positions)
                block_kwargs["position_embeddings"] = positions
            with uncaptured():
                output = block(stream, *block_args, **block_kwargs)
            following: Tensor = output[0] if isinstance(output, tuple) else output
            return following

        return run_block

    def _kind_of_attention(self, index: int) -> str | None:
        """Which of the decoder's kinds of attention (full, sliding window) side block ``index`` has."""
        kinds = getattr(self._layer.backbone_config, "layer_types", None)
        return kinds[mask_sources(self._layer.network.config, self._num_layers)[index]] if kinds else None


class _AfterBlock:
    """Forward hook of one backbone block. A class, so that a deep copy of the model copies it with its layer."""

    def __init__(self, lockstep: Lockstep, layer: int) -> None:
        self.lockstep = lockstep
        self.layer = layer

    def __call__(self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        self.lockstep.after_block(self.layer, args, kwargs, output)


def _position_embeddings(
    rotary: nn.Module, kind: str | None, stream: Tensor, kwargs: Mapping[str, Any], made: dict[Any, Any]
) -> Any:
    """The side block's own rotary embeddings, made once for a pass, a device and a kind of attention."""
    if "layer_type" not in inspect.signature(rotary.forward).parameters:
        kind = None
    key = (stream.device, kind)
    if key not in made:
        made[key] = rotary(stream, kwargs["position_ids"], *([] if kind is None else [kind]))
    return made[key]


def _stop_checkpointing(blocks: nn.ModuleList) -> None:
    """Side blocks are of the backbone's class, which a trainer may have told to recompute itself.

    The reentrant kind of it would lose the gradients of a block whose input has none. ``checkpoint_blocks`` does not.
    """
    for module in blocks.modules():
        if getattr(module, "gradient_checkpointing", False) is True:
            module.gradient_checkpointing = False  # type: ignore[assignment]


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) and value.is_floating_point() else value
