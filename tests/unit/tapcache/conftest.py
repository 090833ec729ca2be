"""Tiny backbones of three architectures, side networks beside them, and rows of tokens."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from ladderscope.methods.side import LadderConfig
from ladderscope.methods.side.calibration import calibrate, needs_calibration

_SHAPE = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "vocab_size": 512}
_TOKENS = {"max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
_OWN: dict[str, dict[str, Any]] = {
    "llama": {"num_key_value_heads": 2, "intermediate_size": 128},
    "gpt2": {},
    # The window is shorter than the rows.
    "gemma2": {"num_key_value_heads": 2, "intermediate_size": 128, "head_dim": 16, "sliding_window": 8},
}


def make_backbone(architecture: str = "llama", **settings: Any) -> Any:
    config = AutoConfig.for_model(architecture, **{**_SHAPE, **_TOKENS, **_OWN[architecture], **settings})
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


@pytest.fixture
def make_folder(tiny_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Saves a tiny backbone; settings of its config override."""

    def make(architecture: str = "llama", **settings: Any) -> Path:
        folder = tmp_path / architecture
        make_backbone(architecture, **settings).save_pretrained(folder)
        for path in tiny_folder.glob("tokenizer*"):
            shutil.copy(path, folder)
        return folder

    return make


@pytest.fixture
def rows() -> list[Tensor]:
    """Five rows of 16 tokens and two of 9."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(3, 500, (length,), generator=generator) for length in [16] * 5 + [9] * 2]


@pytest.fixture
def tuned(rows: list[Tensor]) -> Callable[..., Any]:
    """Puts a calibrated side network beside a tiny backbone, the same at every call; it has been trained a little."""

    def make(
        architecture: str = "llama", make_config: Any = LadderConfig, backbone: Any = None, **settings: Any
    ) -> Any:
        backbone = make_backbone(architecture) if backbone is None else backbone
        torch.manual_seed(1)
        model = get_peft_model(backbone, make_config(**{"reduction_factor": 2, "task_type": "CAUSAL_LM", **settings}))
        if needs_calibration(model):
            calibrate(model, [torch.stack(rows[:5])])
        upsample = model.base_model.side_layer.network.output.upsample
        torch.nn.init.normal_(upsample.weight, std=0.1)  # or else the side network would not show in the loss
        return model

    return make


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()
