"""What libraries find out once and then remember: neither side of a prediction is to hear the other's answers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

from torch.utils._device import _device_constructors

_ASK_FOR_GPUS = (
    "accelerate.utils.imports",
    "peft.import_utils",
    "torch.utils._triton",
    "transformers.utils.import_utils",
)


@contextmanager
def asked_afresh() -> Iterator[None]:
    """Inside and afterwards, libraries ask again whether there is a GPU, and of what kind."""
    # Which functions make tensors, by the functions themselves: to be found before any of them is replaced.
    _device_constructors()
    _forget()
    with _states_of_accelerate():
        try:
            yield
        finally:
            _forget()


@contextmanager
def _states_of_accelerate() -> Iterator[None]:
    """Inside, accelerate finds out anew which device there is; afterwards it knows what it knew."""
    before = {name: dict(state) for name, state in _shared_states()}
    for _, state in _shared_states():
        state.clear()
    try:
        yield
    finally:
        for name, state in _shared_states():
            state.clear()
            state.update(before.get(name, {}))


def _shared_states() -> Iterator[tuple[str, MutableMapping[str, Any]]]:
    module = sys.modules.get("accelerate.state")
    if module is not None:
        for name in ("PartialState", "AcceleratorState", "GradientState"):
            yield name, getattr(module, name)._shared_state


def _forget() -> None:
    for name in _ASK_FOR_GPUS:
        for known_as, function in vars(sys.modules.get(name, object)).items():
            if isinstance(function, functools._lru_cache_wrapper) and known_as.startswith(("is_", "has_")):
                function.cache_clear()
