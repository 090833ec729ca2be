"""Fixtures that several folders share: tiny real models and the cells that go with them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ladderscope.records import Cell

MakeModel = Callable[..., Any]

# Tests run side by side. OpenMP threads that spin while they wait would slow all of them down tenfold.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
torch.set_num_threads(1)


@pytest.fixture
def tiny_model() -> MakeModel:
    """Makes a random four-block model of 64 channels, in inference mode, the same at every call."""

    def make(architecture: str = "tiny-llama", quantization: str = "none", dtype: torch.dtype = torch.float32) -> Any:
        from ladderscope.backbones.loading import load_backbone
        from ladderscope.backbones.names import BackboneName

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            name = BackboneName("random", architecture)
            return load_backbone(name, dtype, quantization, torch.device("cpu"), seed=0).model

    return make


@pytest.fixture
def token_ids() -> torch.Tensor:
    """Two rows of 16 tokens that every tiny model knows."""
    return torch.randint(3, 500, (2, 16), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def tiny_cell() -> Callable[..., Cell]:
    """Makes a cell of the tiny Llama on random tokens; settings override."""

    def make(**settings: Any) -> Cell:
        sizes: dict[str, dict[str, Any]] = {"qlora": {"rank": 4, "quantization": "nf4"}, "lora": {"rank": 4}}
        sizes |= {name: {"reduction_factor": 2} for name in ("lst", "qst", "ladder", "xladder")}
        defaults: dict[str, Any] = {"model": "random:tiny-llama", "method": "lora", "seq_len": 32, "data": "random"}
        method = settings.get("method", "lora")
        return Cell(**{**defaults, "steps": 2, "dtype": "fp32", **sizes.get(method, {}), **settings})

    return make
