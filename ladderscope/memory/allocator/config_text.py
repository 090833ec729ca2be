"""Reads the text of ``PYTORCH_ALLOC_CONF`` (``PYTORCH_CUDA_ALLOC_CONF`` in older PyTorch).

The limits are those of ``AcceleratorAllocatorConfig`` in torch 2.13; the tests compare both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.memory.allocator.sizes import MIN_LARGE_SEGMENT_BYTES, NUM_INTERVALS
from ladderscope.units import MIB

Fields = dict[str, Any]

NO_EFFECT = frozenset(
    {
        "pinned_use_background_threads",
        "pinned_max_round_threshold_mb",
        "pinned_max_cached_size_mb",
        "pinned_use_cuda_host_register",
        "pinned_use_hip_host_register",
        "pinned_reserve_segment_size_mb",
        "pinned_num_register_threads",
        "pinned_free_catch_all",
        "release_lock_on_cudamalloc",
        "release_lock_on_hipmalloc",
        "graph_capture_record_stream_reuse",
        "throw_on_cudamalloc_oom",
    }
)
"""Keys of PyTorch that change nothing in what this package models."""

_PAIR = re.compile(r"([^:,\[\]]+):(\[[^\]]*\]|[^:,\[\]]+)(?:,|$)")


def read_settings(text: str, skip_unknown: bool = False) -> Fields:
    """The fields of an :class:`AllocatorConfig` that ``text`` sets.

    Args:
        text: ``key:value`` pairs with commas between them; blanks do not matter.
        skip_unknown: pass over keys that are not known, as a newer PyTorch may have written them.

    Raises:
        UsageError: text that is no such list, an unknown key, or a value that PyTorch refuses.
    """
    compact = "".join(text.split())
    fields: Fields = {}
    position = 0
    while position < len(compact):
        pair = _PAIR.match(compact, position)
        if pair is None:
            raise UsageError(
                f"allocator settings {text!r} are not a list of key:value pairs with commas between them."
            )
        position = pair.end()
        key, value = pair.groups()
        if key in _READERS:
            _READERS[key](key, value, fields)
        elif key not in NO_EFFECT and not skip_unknown:
            raise UnknownNameError("allocator setting", key, [*_READERS, *NO_EFFECT])
    return fields


def _whole_number(key: str, value: str) -> int:
    if not value.isdecimal():
        raise UsageError(f"{key}:{value} is not a whole number.")
    return int(value)


def _read_large_segment(key: str, value: str, fields: Fields) -> None:
    size = _whole_number(key, value) * MIB
    if size <= MIN_LARGE_SEGMENT_BYTES:
        raise UsageError(f"{key}:{value} is too small: it must be above {MIN_LARGE_SEGMENT_BYTES // MIB}.")
    fields["large_segment_size_bytes"] = size


def _read_size(field: str) -> Callable[[str, str, Fields], None]:
    def read(key: str, value: str, fields: Fields) -> None:
        size = _whole_number(key, value) * MIB
        # PyTorch compares with what it has read so far, so large_segment_size_mb counts only where it comes first.
        least = fields.get("large_segment_size_bytes", 20 * MIB)
        if size < least:
            raise UsageError(
                f"{key}:{value} is too small: it must be at least {least // MIB}, the large segment size."
            )
        fields[field] = size

    return read


def _read_share(field: str, include_one: bool) -> Callable[[str, str, Fields], None]:
    def read(key: str, value: str, fields: Fields) -> None:
        try:
            share = float(value)
        except ValueError:
            raise UsageError(f"{key}:{value} is not a number.") from None
        if not (0 < share < 1 or (include_one and share in (0, 1))):
            raise UsageError(f"{key}:{value} is not a share between 0 and 1.")
        fields[field] = share

    return read


def _read_expandable(key: str, value: str, fields: Fields) -> None:
    if value not in ("True", "False"):
        raise UsageError(f"{key}:{value} is neither True nor False.")
    fields["expandable_segments"] = value == "True"


def _is_power_of_2(value: int) -> bool:
    return value > 0 and value & (value - 1) == 0


def _read_divisions(key: str, value: str, fields: Fields) -> None:
    if not value.startswith("["):
        divisions = _whole_number(key, value)
        if not _is_power_of_2(divisions):
            raise UsageError(f"{key}:{value} is not a power of 2.")
        fields["roundup_power2_divisions"] = (divisions,) * NUM_INTERVALS
        return
    table = list(fields.get("roundup_power2_divisions", (0,) * NUM_INTERVALS))
    last: int | None = None
    for part in value[1:-1].split(","):
        last = _read_interval(key, part, table, last)
    fields["roundup_power2_divisions"] = tuple(table)


def _read_interval(key: str, part: str, table: list[int], last: int | None) -> int | None:
    """Write one ``MIB:divisions`` into ``table``; returns the index of the interval it set, for a following ``>``."""
    start, _, text = part.partition(":")
    divisions = _whole_number(key, text)
    if divisions != 0 and not _is_power_of_2(divisions):
        raise UsageError(f"{key} has {part}: divisions are a power of 2, or 0 for none.")
    if start == ">":
        table[last or 0 :] = [divisions] * (NUM_INTERVALS - (last or 0))
        return last
    if not _is_power_of_2(size := _whole_number(key, start)):
        raise UsageError(f"{key} has {part}: sizes are powers of 2, in MiB.")
    index = min(size.bit_length() - 1, NUM_INTERVALS - 1)
    if last is None:
        table[:index] = [divisions] * index
    table[index] = divisions
    return index


def _read_backend(key: str, value: str, fields: Fields) -> None:
    if value != "native":
        raise UsageError(f"{key}:{value} is not modelled: only PyTorch's own allocator, {key}:native, is.")


_READERS: dict[str, Callable[[str, str, Fields], None]] = {
    "large_segment_size_mb": _read_large_segment,
    "max_split_size_mb": _read_size("max_split_size_bytes"),
    "max_non_split_rounding_mb": _read_size("max_non_split_rounding_bytes"),
    "garbage_collection_threshold": _read_share("garbage_collection_threshold", include_one=False),
    "per_process_memory_fraction": _read_share("per_process_memory_fraction", include_one=True),
    "roundup_power2_divisions": _read_divisions,
    "expandable_segments": _read_expandable,
    "backend": _read_backend,
}
