"""What an engine is: its options, and how an executor on it starts."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.sweep.executor import Executor


def option(default: Any, help: str, metavar: str | None = None, least: float | None = None) -> Any:
    """A field of options: its help text, what the help calls its value, and the least that a number may be."""
    return dataclasses.field(default=default, metadata={"help": help, "least": least, "metavar": metavar})


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What every engine takes. The command line makes an option ``--<engine>-<field>`` of each field of ours."""

    cpus: int = option(1, "CPU cores of a cell, and its threads.", least=1)
    memory_gib: float | None = option(None, "Host memory of a cell, in GiB.", least=0.1)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a sweep asks of its executor, whatever the engine.

    Attributes:
        jobs: how many cells at a time; None leaves it to the engine.
        timeout_seconds: after which a cell is ended; None for never.
        folder: of this run, beside its ledger, for what has to outlive this process; it need not exist.
        resume: whether what an earlier run has left with the engine is waited for; else it is ended and begun anew.
        say: prints a line.
    """

    jobs: int | None
    timeout_seconds: float | None
    folder: Path
    resume: bool
    say: Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """Options, and what starts an executor with them; it raises a ``UsageError`` where the engine is not there."""

    options: type[EngineOptions]
    start: Callable[[Terms, Any], Executor]


def import_library(name: str, extra: str) -> ModuleType:
    """The engine's library.

    Raises:
        UsageError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UsageError(
            f"--executor {extra} needs {name}, which is not installed: pip install 'ladderscope[{extra}]'."
        ) from error
