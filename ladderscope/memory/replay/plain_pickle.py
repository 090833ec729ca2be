"""Reads pickles that hold plain data, and refuses all others: a pickle can run any code when it is opened."""

from __future__ import annotations

import io
import pickle
from typing import Any

HARMLESS = frozenset({("collections", "OrderedDict"), ("builtins", "set"), ("builtins", "frozenset")})
"""The only names that a pickle may refer to. Dicts, lists, tuples, numbers and strings need none."""


class NotPlainDataError(pickle.UnpicklingError):
    """The pickle refers to something that is not plain data; the message names it."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in HARMLESS:
            raise NotPlainDataError(f"{module_name}.{global_name}")
        return super().find_class(module_name, global_name)

    def persistent_load(self, pid: Any) -> Any:
        raise NotPlainDataError("an object outside of the file")


def load_plain(data: bytes) -> Any:
    """The object in a pickle of builtin containers, strings, numbers and None.

    Raises:
        NotPlainDataError: it holds anything else.
        Exception: it is no pickle; which exception depends on what is wrong with it.
    """
    return _PlainUnpickler(io.BytesIO(data)).load()
