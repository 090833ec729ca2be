"""What fine-tuning a language model costs, and what it buys.

The names below are the public ones. They are imported when asked for, because some of them bring torch along.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ladderscope.peft_import import register_when_peft_is_imported

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ladderscope.ledger import read_ledger as read_ledger
    from ladderscope.methods.side import LadderConfig as LadderConfig
    from ladderscope.methods.side import XLadderConfig as XLadderConfig
    from ladderscope.records import Cell as Cell
    from ladderscope.records import Record as Record
    from ladderscope.report.folder import write_report as write_report
    from ladderscope.scaling import fit_scaling as fit_scaling

_HOME = {
    "Cell": "ladderscope.records",
    "LadderConfig": "ladderscope.methods.side",
    "Record": "ladderscope.records",
    "XLadderConfig": "ladderscope.methods.side",
    "fit_scaling": "ladderscope.scaling",
    "read_ledger": "ladderscope.ledger",
    "write_report": "ladderscope.report.folder",
}

__all__ = ["Cell", "LadderConfig", "Record", "XLadderConfig", "fit_scaling", "read_ledger", "write_report"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]


register_when_peft_is_imported()
