"""The settings of the caching allocator that change what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ladderscope.memory.allocator.config_text import read_settings
from ladderscope.memory.allocator.sizes import NUM_INTERVALS
from ladderscope.units import MIB


@dataclass(frozen=True)
class AllocatorConfig:
    """What ``PYTORCH_ALLOC_CONF`` sets; the defaults are PyTorch's.

    Attributes:
        expandable_segments: one growing segment per stream and pool instead of one per allocation.
        max_split_size_bytes: blocks from this size on are never split; None splits all.
        roundup_power2_divisions: for sizes of 1 MiB, 2 MiB ... 32 GiB: round to this fraction of a power of two.
        garbage_collection_threshold: share of the allowed memory above which old cached segments go; 0 is off.
        large_segment_size_bytes: segment for requests of 1 to 10 MiB, and page of a large expandable segment.
        max_non_split_rounding_bytes: how much longer than its request a block that is not split may be.
        per_process_memory_fraction: share of the device that may be taken; 1 is no limit of its own.
    """

    expandable_segments: bool = False
    max_split_size_bytes: int | None = None
    roundup_power2_divisions: tuple[int, ...] = (0,) * NUM_INTERVALS
    garbage_collection_threshold: float = 0.0
    large_segment_size_bytes: int = 20 * MIB
    max_non_split_rounding_bytes: int = 20 * MIB
    per_process_memory_fraction: float = 1.0

    @classmethod
    def parse(cls, text: str) -> AllocatorConfig:
        """The configuration that ``PYTORCH_ALLOC_CONF=text`` sets, e.g. ``'max_split_size_mb:128'``.

        Raises:
            UsageError: a key or a value that PyTorch refuses too, or ``backend:cudaMallocAsync``.
        """
        return cls(**read_settings(text))

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any] | None) -> AllocatorConfig:
        """The configuration that a memory snapshot records as ``allocator_settings``; None is the default."""
        if not settings:
            return cls()
        text = settings.get("PYTORCH_CUDA_ALLOC_CONF") or settings.get("PYTORCH_ALLOC_CONF") or ""
        # The recorded values below win over the text, which may hold keys of another PyTorch.
        fields = read_settings(str(text), skip_unknown=True)
        if (max_split := settings.get("max_split_size")) is not None:
            fields["max_split_size_bytes"] = int(max_split) if int(max_split) >= 0 else None
        if (threshold := settings.get("garbage_collection_threshold")) is not None:
            fields["garbage_collection_threshold"] = float(threshold)
        if (expandable := settings.get("expandable_segments")) is not None:
            fields["expandable_segments"] = bool(expandable)
        if divisions := settings.get("roundup_power2_divisions"):
            fields["roundup_power2_divisions"] = tuple(int(divisions[str(2**i)]) for i in range(NUM_INTERVALS))
        return cls(**fields)

    def to_settings(self) -> dict[str, Any]:
        """The ``allocator_settings`` that PyTorch would write into a memory snapshot."""
        divisions = {str(2**i): value for i, value in enumerate(self.roundup_power2_divisions)}
        return {
            "PYTORCH_CUDA_ALLOC_CONF": self.to_text(),
            "max_split_size": -1 if self.max_split_size_bytes is None else self.max_split_size_bytes,
            "garbage_collection_threshold": self.garbage_collection_threshold,
            "expandable_segments": self.expandable_segments,
            "pinned_num_register_threads": 1,
            "release_lock_on_cudamalloc": False,
            "pinned_use_cuda_host_register": False,
            "graph_capture_record_stream_reuse": False,
            "roundup_power2_divisions": divisions,
        }

    def to_text(self) -> str:
        """The text that :meth:`parse` reads back; empty for the default. Sizes are whole MiB."""
        default = AllocatorConfig()
        parts = []
        # large_segment_size_mb comes first, as PyTorch checks other sizes against what it has read so far.
        if self.large_segment_size_bytes != default.large_segment_size_bytes:
            parts.append(f"large_segment_size_mb:{self.large_segment_size_bytes // MIB}")
        if self.expandable_segments:
            parts.append("expandable_segments:True")
        if self.max_split_size_bytes is not None:
            parts.append(f"max_split_size_mb:{self.max_split_size_bytes // MIB}")
        if self.max_non_split_rounding_bytes != default.max_non_split_rounding_bytes:
            parts.append(f"max_non_split_rounding_mb:{self.max_non_split_rounding_bytes // MIB}")
        if self.roundup_power2_divisions != default.roundup_power2_divisions:
            table = ",".join(f"{2**i}:{value}" for i, value in enumerate(self.roundup_power2_divisions))
            parts.append(f"roundup_power2_divisions:[{table}]")
        if self.garbage_collection_threshold:
            parts.append(f"garbage_collection_threshold:{self.garbage_collection_threshold}")
        if self.per_process_memory_fraction != default.per_process_memory_fraction:
            parts.append(f"per_process_memory_fraction:{self.per_process_memory_fraction}")
        return ",".join(parts)
