"""Keeps side blocks out of what transformers collects for ``output_hidden_states`` and its like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers.utils import output_capturing


@contextmanager
def uncaptured() -> Iterator[None]:
    """What runs inside is not collected.

    transformers collects from every module of the decoder's block class, which side blocks are of too: their outputs
    would stand between the backbone's hidden states, attentions and router logits.
    """
    collector: Any = getattr(output_capturing, "_active_collector", None)
    # torch.compile cannot follow a context variable: each block would break the graph.
    if collector is None or torch.compiler.is_compiling() or not (collected := collector.get()):
        yield
        return
    collector.set(None)
    try:
        yield
    finally:
        collector.set(collected)
