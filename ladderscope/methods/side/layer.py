"""The layer that replaces the decoder's final norm and carries the side networks, one per adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from ladderscope.methods.side.blocks import make_side_block, side_config_of
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.init import initialise
from ladderscope.methods.side.lockstep import Lockstep
from ladderscope.methods.side.network import SideNetwork
from ladderscope.methods.side.skeleton import birthplace, values_left_out
from ladderscope.methods.side.structure import DecoderParts, execution_device, text_config

NO_MERGE = (
    "a side network cannot be merged into the backbone: what it adds depends on the input, it is no change of "
    "weights. Keep it as an adapter, or call unload() to get the backbone back."
)


class SideLayer(nn.Module, BaseTunerLayer):
    """Final norm of the decoder, where the output of the active side network joins the backbone's.

    Args:
        base_layer: the decoder's final norm.
        model: the whole model, for its config.
        parts: the decoder and its blocks.
    """

    adapter_layer_names = ("side_network",)
    other_param_names = ()
    # Inherited from a base class that carries no types.
    active_adapters: list[str]
    _disable_adapters: bool
    set_adapter: Callable[[list[str]], None]

    def __init__(self, base_layer: nn.Module, model: nn.Module, parts: DecoderParts) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.side_network = nn.ModuleDict()
        self.lockstep = Lockstep(self, len(parts.blocks))
        self.backbone_config = text_config(model)
        # Some final norms have no parameter.
        self._dtype = next(p.dtype for p in (*base_layer.parameters(), *model.parameters()) if p.is_floating_point())
        self._devices: list[torch.device] = []

    def update_layer(self, adapter_name: str, config: SideConfig, parts: DecoderParts) -> None:
        """Make the side network of ``adapter_name``.

        Raises:
            ValueError: the reduction factor or a tap does not fit the backbone.
        """
        narrow = side_config_of(config, self.backbone_config)
        self._devices = [execution_device(block) for block in parts.blocks]
        with birthplace():
            network = build_side_network(config, self.backbone_config, narrow, parts)
            self.side_network[adapter_name] = network.to(self._dtype)
            if hasattr(parts.decoder, "rotary_emb"):
                # After the cast to the backbone's dtype: frequencies need fp32.
                make_rotary: Any = type(parts.decoder.rotary_emb)
                network.rotary = make_rotary(narrow)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        initialise(network, list(parts.blocks))
        self.set_adapter(self.active_adapters)

    def _move_adapter_to_device_of_base_layer(self, adapter_name: str, device: torch.device | None = None) -> None:
        """Put every part of a side network on the device of the backbone block that feeds it.

        PEFT calls it too, once a file has been read into a network that was made without values.
        """
        if adapter_name not in self.side_network:
            return
        network: Any = self.side_network[adapter_name]
        if not values_left_out() and any(parameter.is_meta for parameter in network.parameters()):
            return
        network.output.to(device or self._devices[-1])
        if network.rotary is not None:  # it follows its input to other devices
            network.rotary.to(device or self._devices[0])
        for layer in network.taps:
            for module in network.modules_at(layer):
                module.to(device or self._devices[max(layer, 0)])

    @property
    def is_active(self) -> bool:
        """Whether a side network takes part in the forward pass."""
        return not self.disable_adapters and bool(self.active_adapters) and bool(self.side_network)

    @property
    def network(self) -> SideNetwork:
        """The active side network."""
        network = self.side_network[self.active_adapters[0]]
        assert isinstance(network, SideNetwork)
        return network

    def backbone_chunk_tokens(self) -> int | None:
        """Tokens per chunk of the backbone's feed-forwards, None for whole ones."""
        return self.network.config.backbone_chunk_tokens if self.is_active else None

    @contextmanager
    def switched_off(self) -> Iterator[None]:
        """The backbone alone inside the ``with`` block."""
        before = bool(self.disable_adapters)
        self._disable_adapters = True
        try:
            yield
        finally:
            self._disable_adapters = before

    def forward(self, hidden: Tensor) -> Tensor:
        """What the head sees of the last hidden state (B, T, H)."""
        hidden = self.lockstep.last_hidden(hidden)
        stream = self.lockstep.stream
        if stream is None:  # also where a decoder norms its embeddings with this norm, before any block
            normed: Tensor = self.base_layer(hidden)
            return normed
        self.lockstep.release()
        return self.network.join(stream, hidden, self.base_layer)

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Always raises: a side network is no change of weights."""
        raise NotImplementedError(NO_MERGE)

    def unmerge(self) -> None:
        """Always raises: nothing was merged."""
        raise NotImplementedError(NO_MERGE)


def build_side_network(config: SideConfig, backbone_config: Any, narrow: Any, parts: DecoderParts) -> SideNetwork:
    """A side network as it is before any initialisation from data or backbone.

    Args:
        config: the side-tuning choices.
        backbone_config: of the backbone's language model.
        narrow: the same at the side's width.
        parts: the backbone's decoder and blocks.
    """
    return SideNetwork(
        config,
        num_layers=len(parts.blocks),
        hidden_size=backbone_config.hidden_size,
        side_width=narrow.hidden_size,
        make_block=lambda index: make_side_block(config, narrow, parts, index),
    )
