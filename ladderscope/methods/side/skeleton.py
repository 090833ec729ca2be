"""Side networks without values, for those who only ask what they take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch

_left_out: ContextVar[bool] = ContextVar("values_left_out", default=False)


@contextmanager
def without_values() -> Iterator[None]:
    """Inside, side networks are made on `meta` and go from there to the devices of the backbone's blocks.

    Those must be simulated ones: others take no tensors without values. Nothing is drawn, and no host memory used.
    """
    token = _left_out.set(True)
    try:
        yield
    finally:
        _left_out.reset(token)


def values_left_out() -> bool:
    """Whether side networks are made without values."""
    return _left_out.get()


def birthplace() -> AbstractContextManager[Any]:
    """Inside, the parts of a side network are made where they are to be made."""
    return torch.device("meta") if _left_out.get() else nullcontext()
