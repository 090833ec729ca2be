"""The layer that replaces the decoder's final norm and carries the side networks, one per adapter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from ladderscope.backbones.widths import narrow_config
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.network import SideNetwork, side_block_arguments
from ladderscope.methods.side.structure import DecoderParts, text_config

NO_MERGE = (
    "a side network cannot be merged into the backbone: what it adds depends on the input, it is no change of "
    "weights. Keep it as an adapter, or call unload() to get the backbone back."
)


class SideLayer(nn.Module, BaseTunerLayer):
    """Final norm of the decoder, with the output of the active side network added to its input.

    Hooks on the decoder and its blocks feed the side network while the backbone runs (:meth:`watch`). The layer
    holds the side stream of the running forward pass and drops it when the pass ends.

    Args:
        base_layer: the decoder's final norm.
        model: the whole model, for its config.
        parts: the decoder and its blocks.
    """

    adapter_layer_names = ("side_network",)
    other_param_names = ()
    # Inherited from a base class that carries no types.
    active_adapters: list[str]
    set_adapter: Callable[[list[str]], None]
    _move_adapter_to_device_of_base_layer: Callable[[str], None]

    def __init__(self, base_layer: nn.Module, model: nn.Module, parts: DecoderParts) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.side_network = nn.ModuleDict()
        self._config = text_config(model)
        self._block_class: Callable[..., nn.Module] = type(parts.blocks[0])
        rotary = getattr(parts.decoder, "rotary_emb", None)
        self._rotary_class: Callable[..., nn.Module] | None = type(rotary) if rotary is not None else None
        self._stream: Tensor | None = None
        self._positions: Any = None
        self._handles: list[Any] = []

    def update_layer(self, adapter_name: str, config: SideConfig) -> None:
        """Make the side network of ``adapter_name``.

        Raises:
            ValueError: the reduction factor or a tap does not fit the backbone.
        """
        narrow = narrow_config(self._config, config.reduction_factor)
        network = SideNetwork(
            config,
            num_layers=self._config.num_hidden_layers,
            hidden_size=self._config.hidden_size,
            side_width=narrow.hidden_size,
            make_block=lambda index: self._block_class(narrow, index % self._config.num_hidden_layers),
        )
        self.side_network[adapter_name] = network
        self._move_adapter_to_device_of_base_layer(adapter_name)
        if self._rotary_class is not None:
            # After the move, which also casts to the backbone's dtype: frequencies need fp32.
            network.rotary = self._rotary_class(narrow).to(network.upsample.weight.device)
        self.set_adapter(self.active_adapters)

    def forward(self, hidden: Tensor) -> Tensor:
        """Final norm of (B, T, H), after the side network has added its part."""
        if self._stream is not None:
            hidden = hidden + self._network().output(self._stream).to(hidden.dtype)
        self.release()
        normed: Tensor = self.base_layer(hidden)
        return normed

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Always raises: a side network is no change of weights."""
        raise NotImplementedError(NO_MERGE)

    def unmerge(self) -> None:
        """Always raises: nothing was merged."""
        raise NotImplementedError(NO_MERGE)

    # ---- while the backbone runs -------------------------------------------------------------------------------

    def watch(self, parts: DecoderParts) -> None:
        """Install the hooks that feed the side network; :meth:`unwatch` takes them away."""
        self._handles.append(parts.decoder.register_forward_pre_hook(self._before_decoder, with_kwargs=True))
        self._handles.append(parts.blocks[0].register_forward_pre_hook(self._cut_graph, with_kwargs=True))
        self._handles.append(parts.decoder.register_forward_hook(self._after_decoder, always_call=True))
        for index, block in enumerate(parts.blocks):
            self._handles.append(block.register_forward_hook(_AfterBlock(self, index), with_kwargs=True))

    def unwatch(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def release(self) -> None:
        """Forget the forward pass that ran last."""
        self._stream = None
        self._positions = None

    def _before_decoder(self, decoder: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.release()
        if self.disable_adapters:
            return
        _refuse_filled_cache(kwargs)
        if getattr(decoder, "_is_replica", False):
            # The replicas of one process would share this layer's stream.
            raise NotImplementedError("side networks do not work under DataParallel: use one GPU for each process")
        if decoder.training:
            # The backbone runs in inference mode: no dropout, and no activation checkpointing, which would only
            # recompute blocks that keep nothing.
            decoder.eval()
            self.train()

    def _after_decoder(self, decoder: nn.Module, args: Any, output: Any) -> None:
        # Also after an exception on the way, which would leave a stream behind.
        self.release()

    def _cut_graph(
        self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Detach what goes into the first block.

        ``enable_input_require_grads``, which Trainer, TRL and ``prepare_model_for_kbit_training`` call, would
        otherwise bring the whole backbone back into the backward pass.
        """
        if self.disable_adapters:
            return None
        return tuple(map(_detached, args)), {name: _detached(value) for name, value in kwargs.items()}

    def _after_block(self, index: int, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if self.disable_adapters or not self.active_adapters:
            return
        hidden = output[0] if isinstance(output, tuple) else output

        def run_block(block: nn.Module, stream: Tensor) -> Tensor:
            block_args, block_kwargs = side_block_arguments(args, kwargs)
            if "position_embeddings" in block_kwargs:
                block_kwargs["position_embeddings"] = self._position_embeddings(stream, block_kwargs)
            output = block(stream, *block_args, **block_kwargs)
            following: Tensor = output[0] if isinstance(output, tuple) else output
            return following

        self._stream = self._network().feed(self._stream, index, hidden.detach(), run_block)

    def _position_embeddings(self, stream: Tensor, kwargs: Mapping[str, Any]) -> Any:
        if self._positions is None:
            rotary = self._network().rotary
            assert rotary is not None
            self._positions = rotary(stream, position_ids=kwargs["position_ids"])
        return self._positions

    def _network(self) -> SideNetwork:
        network = self.side_network[self.active_adapters[0]]
        assert isinstance(network, SideNetwork)
        return network


class _AfterBlock:
    """Forward hook of one backbone block. A class, so that a deep copy of the model copies it with its layer."""

    def __init__(self, layer: SideLayer, index: int) -> None:
        self.layer = layer
        self.index = index

    def __call__(self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        self.layer._after_block(self.index, args, kwargs, output)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) and value.is_floating_point() else value


def _refuse_filled_cache(kwargs: Mapping[str, Any]) -> None:
    cache = kwargs.get("past_key_values")
    if cache is not None and cache.get_seq_length() > 0:
        raise NotImplementedError(
            "side networks keep no key-value cache yet, so they cannot continue from one: call generate() with "
            "use_cache=False"
        )
