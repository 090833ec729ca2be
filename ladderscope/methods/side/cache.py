"""Keys and values of the side blocks, kept in the backbone's own cache behind its layers.

There they follow every operation on the cache: reordering for beam search, cropping, repeating, selecting rows.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

_OWNER = "side_network_adapter"


def find_cache(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The key-value cache among a block's arguments, or None."""
    from transformers.cache_utils import Cache

    return next((value for value in (*args, *kwargs.values()) if isinstance(value, Cache)), None)


def refuse_foreign_cache(cache: Any, num_layers: int, adapter_name: str) -> None:
    """Refuse a cache that holds tokens which the side network has not seen.

    Raises:
        ValueError: it was filled with the adapter switched off, or with another one.
    """
    if cache is None or cache.get_seq_length() == 0:
        return
    foreign = len(cache.layers) == num_layers or getattr(cache, _OWNER, None) != adapter_name
    if foreign or _has_missed_tokens(cache, num_layers):
        raise ValueError(
            f"this key-value cache was filled without the adapter {adapter_name!r}: fill it with the same adapter "
            "active, or start without a cache"
        )


def add_side_layers(cache: Any, num_layers: int, sources: Sequence[int], adapter_name: str) -> None:
    """Give ``cache`` a layer per side block, if it has none yet.

    Args:
        cache: the cache of a pass that has started.
        num_layers: of the backbone.
        sources: for every side block, the backbone block whose kind of layer (full, sliding window) it takes.
        adapter_name: whose side blocks they are.
    """
    while len(cache.layers) < num_layers:  # some caches make their layers when they first meet them
        cache.layers.append(cache.layer_class_to_replicate())
    if len(cache.layers) == num_layers:
        cache.layers.extend(_fresh(cache.layers[source]) for source in sources)
        setattr(cache, _OWNER, adapter_name)


def _has_missed_tokens(cache: Any, num_layers: int) -> bool:
    """Whether the adapter was off for a part of the tokens; not asked of static caches, where the answer is a wait."""
    lengths = {cache.layers[index].get_seq_length() for index in (0, num_layers)}
    return all(isinstance(length, int) for length in lengths) and len(lengths) > 1


def _fresh(layer: Any) -> Any:
    """An empty layer of the same kind and size."""
    parameters = inspect.signature(type(layer).__init__).parameters
    sizes = {name: getattr(layer, name) for name in parameters if name != "self" and hasattr(layer, name)}
    if "sliding_window" in parameters and "sliding_window" not in sizes:
        sizes["sliding_window"] = layer.max_cache_len  # static ones keep the smaller of the two as their length
    fresh = type(layer)(**sizes)
    if getattr(layer, "record_past", False):
        fresh.activate_past_recording()
    return fresh
