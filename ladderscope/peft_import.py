"""Makes ``import ladderscope`` enough for PEFT to know the side-tuning family, without importing PEFT or torch.

PEFT has no entry point for methods from outside. So the family is registered right after ``peft`` has been imported,
by whoever imports it; a process that never does pays nothing.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

_FAMILY = "ladderscope.methods.side"


def register_when_peft_is_imported() -> None:
    """Register now where PEFT is there already, else as soon as it is."""
    if "peft" in sys.modules:
        importlib.import_module(_FAMILY)
    elif not any(isinstance(finder, _PeftFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _PeftFinder())


class _PeftFinder(importlib.abc.MetaPathFinder):
    """Finds nothing itself: it lets the others find ``peft``, and adds a step behind its import.

    It stays until ``peft`` is imported: libraries also look for ``peft`` only to know whether it is installed.
    """

    def __init__(self) -> None:
        self._searching = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "peft" or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching = False
        if spec is not None and spec.loader is not None:
            spec.loader = _ThenRegister(spec.loader)
        return spec


class _ThenRegister(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module keeps the loader that others know how to ask for sources and resources.
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _PeftFinder)]
        self._loader.exec_module(module)
        importlib.import_module(_FAMILY)
