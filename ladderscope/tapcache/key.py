"""What a cache is valid for, and what of it differs between two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ladderscope.methods.side.config import SideConfig
from ladderscope.tapcache.layout import Layout

Key = dict[str, Any]

WHOLE_BYTES = 64 * 2**20
"""Weight files up to this size are hashed whole."""
_SAMPLES = 256
_SAMPLE_BYTES = 64 * 2**10
_WEIGHTS = ("*.safetensors", "*.bin", "*.index.json", "config.json")
_FROM_BACKBONE = ("pruned", "sliced")


def tap_key(config: SideConfig, layout: Layout, rows: Iterable[Tensor], seed: int | None = None) -> Key:
    """What decides the taps beside the backbone itself.

    Args:
        config: with its width decided.
        layout: of the cache.
        rows: token ids (T,).
        seed: that made random projections.
    """
    key: Key = {"rows": len(layout.lengths), "tokens": layout.num_tokens, "data": tokens_fingerprint(rows)}
    key |= {"taps": list(layout.taps), "side_width": layout.width, "downsample": config.downsample}
    if config.downsample == "frozen":
        key["basis"] = config.basis
        key["seed"] = seed if config.basis == "random" else None
    if starts_from_backbone(config):
        key["init"] = config.init
        key |= {"importance": config.importance, "side_ffn_width": config.side_ffn_width}
    return {**key, "bits": layout.bits}


def starts_from_backbone(config: SideConfig) -> bool:
    """Whether the side blocks start as backbone blocks, which cannot be made again without the backbone."""
    return config.init in _FROM_BACKBONE


def tokens_fingerprint(rows: Iterable[Tensor]) -> str:
    """16 hexadecimal digits that depend on every token of every row."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(len(row).to_bytes(8, "little"))
        digest.update(row.to("cpu", torch.int32).numpy().tobytes())
    return digest.hexdigest()[:16]


def weights_fingerprint(source: str) -> str:
    """What a folder or hub model's weights are known by.

    The commit of a hub snapshot; of a folder the names, sizes and bytes of its weight files and its config. Of files
    above :data:`WHOLE_BYTES` evenly spaced samples are hashed, so that a change of a few numbers in a large file can
    go unnoticed.
    """
    folder = Path(source)
    if not folder.is_dir():
        from transformers.utils import cached_file

        config: str = cached_file(source, "config.json")
        folder = Path(config).parent
        if folder.parent.name == "snapshots":
            return f"commit {folder.name}"
    digest = hashlib.sha256()
    for path in sorted({path for pattern in _WEIGHTS for path in folder.glob(pattern)}):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode())
        for part in _samples(path):
            digest.update(part)
    return digest.hexdigest()[:16]


def parameters_fingerprint(model: nn.Module) -> str:
    """The same of a model in memory: its config, and samples of its frozen parameters."""
    config: Any = model.config
    volatile = ("_name_or_path", "transformers_version", "use_cache")
    settings = {name: value for name, value in config.to_dict().items() if name not in volatile}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    for name, parameter in model.named_parameters():
        if parameter.requires_grad or parameter.is_meta:
            continue
        flat = parameter.detach().flatten()
        sample = flat[:: max(1, len(flat) // _SAMPLES)].cpu()
        digest.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}\n".encode())
        digest.update(sample.contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """``"data was 12, now 34"`` for every entry that differs."""
    ours = json.loads(json.dumps(ours))
    differing = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return [f"{name} was {theirs.get(name)}, now {ours.get(name)}" for name in differing]


def _samples(path: Path) -> Iterable[bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            while part := file.read(2**20):
                yield part
            return
        for index in range(_SAMPLES):
            file.seek((size - _SAMPLE_BYTES) * index // (_SAMPLES - 1))
            yield file.read(_SAMPLE_BYTES)
