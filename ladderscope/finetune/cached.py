"""A run whose backbone runs over the data once, into a cache of taps."""

from __future__ import annotations

import dataclasses
import gc
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.backbones.loading import DTYPES, backbone_source
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.errors import UsageError
from ladderscope.finetune.dataset import TrainingData
from ladderscope.finetune.settings import TrainSettings
from ladderscope.finetune.start import Run, build_model, start_from_data
from ladderscope.measure import count_parameters
from ladderscope.methods import get_method
from ladderscope.methods.settings import canonical_settings, parse_settings
from ladderscope.methods.side.calibration import find_side_layer
from ladderscope.methods.side.matching import match_parameters
from ladderscope.methods.side.structure import find_decoder
from ladderscope.records import Cell, Params
from ladderscope.tapcache.cache import TapCache
from ladderscope.tapcache.hollow import hollow
from ladderscope.tapcache.key import starts_from_backbone, tap_key, weights_fingerprint
from ladderscope.tapcache.layout import make_layout
from ladderscope.tapcache.light import load_for_filling, load_without_blocks, meta_backbone
from ladderscope.tapcache.loss import CachedLoss
from ladderscope.training.batches import Batch, NumberedBatch
from ladderscope.training.loss import LOSS_FUNCTIONS

OFFLOAD_FOLDER = ".offload"


def cached_run(
    settings: TrainSettings,
    data: TrainingData,
    device: torch.device,
    say: Callable[[str], None],
    stop: threading.Event,
    *,
    refill: bool,
) -> Run | None:
    """Fill the cache where rows are missing, and make what is trained on it.

    Returns:
        None where ``stop`` came before the cache was full.

    Raises:
        UsageError: the cache is that of something else, or there is no room for it.
    """
    held_out = (batch.input_ids.to("cpu", torch.int32) for batch in data.held_out)
    rows = [*data.rows.input_ids, *(row for ids in held_out for row in ids)]
    cache = _cache_of(settings, rows, refill=refill)
    with cache:
        if not cache.is_complete:
            _fill(cache, settings, data, rows, device, say, stop)
            if not cache.is_complete:
                return None
    model, parameters = _light_model(cache, settings.cell, rows, device)
    loss = CachedLoss(cache, LOSS_FUNCTIONS[settings.cell.loss_impl])
    return Run(model, parameters, dataclasses.replace(data, held_out=_numbered(data, device)), loss)


def _cache_of(settings: TrainSettings, rows: list[Tensor], *, refill: bool) -> TapCache:
    cell = settings.cell
    assert settings.cache_taps is not None
    name, dtype = resolve_name(cell.model), DTYPES[cell.dtype]
    model_config = backbone_config(name)
    method_config = get_method(cell.method).config
    assert method_config is not None
    config = method_config(cell)
    if getattr(config, "match_params", None) is not None:
        match_parameters(config, model_config.get_text_config(), find_decoder(meta_backbone(model_config, dtype)))
    layout = make_layout(
        config, model_config.get_text_config(), [len(row) for row in rows], dtype, settings.cache_bits
    )
    key = {
        "model": cell.model,
        "weights": weights_fingerprint(backbone_source(name)),
        "dtype": cell.dtype,
        "quantization": cell.quantization,
        **tap_key(config, layout, rows, cell.seed),
    }
    return TapCache(Path(settings.cache_taps).expanduser(), key, layout, refill=refill)


def _fill(
    cache: TapCache,
    settings: TrainSettings,
    data: TrainingData,
    rows: list[Tensor],
    device: torch.device,
    say: Callable[[str], None],
    stop: threading.Event,
) -> None:
    cell = settings.cell
    offload_folder, max_memory = cache.folder / OFFLOAD_FOLDER, settings.max_memory
    name, dtype = resolve_name(cell.model), DTYPES[cell.dtype]
    backbone = load_for_filling(name, dtype, cell.quantization, device, offload_folder, max_memory)
    _refuse_offloaded_start(backbone, cell)
    model = build_model(backbone, cell)
    if not cache.has_start:
        start_from_data(model, cell, data.rows, device)
    cache.fill(model, rows, say, stop)
    del backbone, model
    # Hooks and modules refer to one another.
    gc.collect()
    shutil.rmtree(offload_folder, ignore_errors=True)
    if device.type == "cuda":
        torch.cuda.empty_cache()


def _refuse_offloaded_start(backbone: nn.Module, cell: Cell) -> None:
    method_config = get_method(cell.method).config
    assert method_config is not None
    config = method_config(cell)
    if starts_from_backbone(config) and any(parameter.is_meta for parameter in backbone.parameters()):
        raise UsageError(
            f"init={config.init} reads all weights of the backbone, which does not fit into memory: use another init, "
            "such as --set init=default."
        )


def _light_model(cache: TapCache, cell: Cell, rows: list[Tensor], device: torch.device) -> tuple[Any, Params]:
    backbone = load_without_blocks(resolve_name(cell.model), DTYPES[cell.dtype], cell.quantization, device)
    method_config = get_method(cell.method).config
    assert method_config is not None
    config, settings = method_config(cell), cell.settings
    if starts_from_backbone(config):  # such side blocks come from the cache
        settings = canonical_settings({**parse_settings(settings), "init": "default"})
    model = build_model(backbone, dataclasses.replace(cell, settings=settings))
    find_side_layer(model).network.config.init = config.init
    cache.fill(model, rows)
    parameters = count_parameters(model)
    hollow(model, cache.block_output)
    return model, parameters


def _numbered(data: TrainingData, device: torch.device) -> list[Batch]:
    batches: list[Batch] = []
    first = len(data.rows)
    for batch in data.held_out:
        numbers = torch.arange(first, first + len(batch.input_ids), device=device)
        batches.append(NumberedBatch(batch.input_ids, batch.labels, numbers))
        first += len(batch.input_ids)
    return batches
