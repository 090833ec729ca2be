"""The PEFT tuners of the side-tuning family."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from peft import PeftConfig
from peft.tuners.tuners_utils import BaseTuner
from torch import nn

from ladderscope.backbones.quantize import keep_training_layout
from ladderscope.methods.side.chunked_ffn import ChunkedFeedForwards
from ladderscope.methods.side.chunked_output import can_chunk_loss, chunked_loss_output
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.layer import NO_MERGE, SideLayer
from ladderscope.methods.side.matching import match_parameters
from ladderscope.methods.side.presets import XLadderConfig
from ladderscope.methods.side.structure import DecoderParts, find_decoder, text_config


class SideModel(BaseTuner):
    """Puts a side network beside a frozen decoder: replaces its final norm by a :class:`SideLayer`."""

    prefix = "side_"
    tuner_layer_cls = SideLayer
    target_module_mapping: ClassVar[dict[str, list[str]]] = {}

    @property
    def side_layer(self) -> SideLayer:
        """The layer that carries the side networks."""
        return next(module for module in self.model.modules() if isinstance(module, SideLayer))

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own forward; with ``loss_impl="chunked"`` and labels, the loss without logits."""
        layer = self.side_layer
        if layer.is_active and layer.network.config.loss_impl == "chunked" and not args and can_chunk_loss(kwargs):
            return chunked_loss_output(self.model, kwargs)
        return self.model(*args, **kwargs)

    def stop_watching(self) -> None:
        """Take the hooks and the feed-forwards in chunks from the backbone."""
        self.side_layer.lockstep.unwatch()
        self._chunked_ffns.remove()

    def compile_side_network(self, **settings: Any) -> None:
        """Compile the side blocks of the active adapter in place.

        Args:
            settings: of ``torch.compile``.
        """
        for block in self.side_layer.network.blocks:
            block.compile(**settings)

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        # PEFT would drop the names and run the active adapter for every row.
        if kwargs.get("adapter_names") is not None:
            raise NotImplementedError(
                "side networks cannot serve several adapters in one batch: call set_adapter(), one batch for each"
            )
        yield

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        # PEFT strips an adapter name at the end of a key only; here whole modules sit under it.
        return key.replace(f".side_network.{adapter_name}.", ".side_network.")

    def _prepare_adapter_config(self, peft_config: PeftConfig, model_config: dict[str, Any]) -> PeftConfig:
        parts = find_decoder(self.model)
        if peft_config.target_modules is None:
            peft_config.target_modules = {parts.norm_name}
        _check_modules_to_save(peft_config.modules_to_save or [], parts)
        if isinstance(peft_config, XLadderConfig) and peft_config.match_params is not None:
            match_parameters(peft_config, text_config(self.model), parts)
        return peft_config

    def _create_and_replace(
        self,
        peft_config: SideConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        parts = find_decoder(self.model)
        if isinstance(target, SideLayer):
            target.update_layer(adapter_name, peft_config, parts)
            return
        if getattr(self.model, "is_loaded_in_4bit", False):
            keep_training_layout(self.model)  # the backbone runs in inference mode from now on
        layer = SideLayer(target, self.model, parts)
        layer.update_layer(adapter_name, peft_config, parts)
        layer.lockstep.watch(parts)
        setattr(parent, target_name, layer)
        self._chunked_ffns = ChunkedFeedForwards(list(parts.blocks), layer.backbone_chunk_tokens)

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:
        super()._cast_adapter_dtype(adapter_name, autocast_adapter_dtype)
        network: Any = self.side_layer.side_network[adapter_name]
        if network.config.side_dtype is not None:
            for parameter in network.parameters():
                parameter.data = parameter.data.to(getattr(torch, network.config.side_dtype))

    def set_adapter(self, adapter_name: str | list[str], inference_mode: bool = False) -> None:
        """Make one adapter the active one.

        Raises:
            ValueError: several adapters at once; their outputs would have to be combined, which is not defined.
        """
        if not isinstance(adapter_name, str) and len(adapter_name) > 1:
            raise ValueError(f"one side network can be active at a time, not {', '.join(adapter_name)}")
        super().set_adapter(adapter_name, inference_mode=inference_mode)

    def _replace_module(self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module) -> None:
        # PEFT's own looks for a weight, which some final norms do not have.
        setattr(parent, child_name, new_module)

    def _check_merge_allowed(self) -> None:
        raise NotImplementedError(NO_MERGE)

    def unload(self) -> nn.Module:
        """The backbone alone, as it was before tuning.

        Returns:
            The model that was wrapped, without side network and without hooks.
        """
        self.stop_watching()
        find_decoder(self.model).decoder.train(self.model.training)
        backbone: nn.Module = self._unload_and_optionally_merge(merge=False)
        return backbone


class LSTModel(SideModel):
    """Tuner of :class:`~ladderscope.methods.side.presets.LSTConfig`."""


class QSTModel(SideModel):
    """Tuner of :class:`~ladderscope.methods.side.presets.QSTConfig`."""


class LadderModel(SideModel):
    """Tuner of :class:`~ladderscope.methods.side.presets.LadderConfig`."""


class XLadderModel(SideModel):
    """Tuner of :class:`~ladderscope.methods.side.presets.XLadderConfig`."""


def _check_modules_to_save(names: list[str], parts: DecoderParts) -> None:
    for path, _ in parts.decoder.named_modules():
        for name in names:
            if path == name or path.endswith(f".{name}"):
                raise ValueError(
                    f"modules_to_save names {name!r}, which is inside the decoder: a side network sends no gradient "
                    "there. Name modules behind it, such as lm_head or a classification head"
                )
