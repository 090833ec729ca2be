"""The PEFT tuners of the side-tuning family."""

from __future__ import annotations

from typing import Any, ClassVar

from peft import PeftConfig
from peft.tuners.tuners_utils import BaseTuner
from torch import nn

from ladderscope.backbones.quantize import keep_training_layout
from ladderscope.methods.side.config import SideConfig
from ladderscope.methods.side.layer import NO_MERGE, SideLayer
from ladderscope.methods.side.structure import find_decoder


class SideModel(BaseTuner):
    """Puts a side network beside a frozen decoder: replaces its final norm by a :class:`SideLayer`."""

    prefix = "side_"
    tuner_layer_cls = SideLayer
    target_module_mapping: ClassVar[dict[str, list[str]]] = {}

    @classmethod
    def _remove_adapter_name_from_key(cls, key: str, adapter_name: str) -> str:
        # PEFT strips an adapter name at the end of a key only; here whole modules sit under it.
        return key.replace(f".side_network.{adapter_name}.", ".side_network.")

    def _prepare_adapter_config(self, peft_config: PeftConfig, model_config: dict[str, Any]) -> PeftConfig:
        if peft_config.target_modules is None:
            peft_config.target_modules = {find_decoder(self.model).norm_name}
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
        if isinstance(target, SideLayer):
            target.update_layer(adapter_name, peft_config)
            return
        if getattr(self.model, "is_loaded_in_4bit", False):
            keep_training_layout(self.model)  # the backbone runs in inference mode from now on
        parts = find_decoder(self.model)
        layer = SideLayer(target, self.model, parts)
        layer.update_layer(adapter_name, peft_config)
        layer.watch(parts)
        self._replace_module(parent, target_name, layer, target)

    def set_adapter(self, adapter_name: str | list[str], inference_mode: bool = False) -> None:
        """Make one adapter the active one.

        Raises:
            ValueError: several adapters at once; their outputs would have to be combined, which is not defined.
        """
        if not isinstance(adapter_name, str) and len(adapter_name) > 1:
            raise ValueError(f"one side network can be active at a time, not {', '.join(adapter_name)}")
        super().set_adapter(adapter_name, inference_mode=inference_mode)

    def _check_merge_allowed(self) -> None:
        raise NotImplementedError(NO_MERGE)

    def unload(self) -> nn.Module:
        """The backbone alone, as it was before tuning.

        Returns:
            The model that was wrapped, without side network and without hooks.
        """
        for module in self.model.modules():
            if isinstance(module, SideLayer):
                module.unwatch()
        backbone: nn.Module = self._unload_and_optionally_merge(merge=False)
        return backbone


class LadderModel(SideModel):
    """Tuner of :class:`~ladderscope.methods.side.config.LadderConfig`."""


class XLadderModel(SideModel):
    """Tuner of :class:`~ladderscope.methods.side.config.XLadderConfig`."""
