"""What fine-tuning a language model costs, and what it buys.

The names below are the public ones. They are imported when asked for, because some of them bring torch along.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ladderscope.peft_import import register_when_peft_is_imported

__version__ = "0.1.0"

if TYPE_CHECKING:
    from ladderscope.backbones.wheel import smollm2_folder as smollm2_folder
    from ladderscope.ledger import read_ledger as read_ledger
    from ladderscope.memory.predict import predict_memory as predict_memory
    from ladderscope.methods.side import LadderConfig as LadderConfig
    from ladderscope.methods.side import LSTConfig as LSTConfig
    from ladderscope.methods.side import QSTConfig as QSTConfig
    from ladderscope.methods.side import XLadderConfig as XLadderConfig
    from ladderscope.methods.side import calibrate as calibrate
    from ladderscope.records import Cell as Cell
    from ladderscope.records import Record as Record
    from ladderscope.report.folder import write_report as write_report
    from ladderscope.scaling import fit_scaling as fit_scaling
    from ladderscope.tapcache import TapCache as TapCache
    from ladderscope.training.causal_loss import chunked_causal_lm_loss as chunked_causal_lm_loss

_HOME = {
    "Cell": "ladderscope.records",
    "LSTConfig": "ladderscope.methods.side",
    "LadderConfig": "ladderscope.methods.side",
    "QSTConfig": "ladderscope.methods.side",
    "Record": "ladderscope.records",
    "TapCache": "ladderscope.tapcache",
    "XLadderConfig": "ladderscope.methods.side",
    "calibrate": "ladderscope.methods.side",
    "chunked_causal_lm_loss": "ladderscope.training.causal_loss",
    "fit_scaling": "ladderscope.scaling",
    "predict_memory": "ladderscope.memory.predict",
    "read_ledger": "ladderscope.ledger",
    "smollm2_folder": "ladderscope.backbones.wheel",
    "write_report": "ladderscope.report.folder",
}

__all__ = [
    "Cell",
    "LSTConfig",
    "LadderConfig",
    "QSTConfig",
    "Record",
    "TapCache",
    "XLadderConfig",
    "calibrate",
    "chunked_causal_lm_loss",
    "fit_scaling",
    "predict_memory",
    "read_ledger",
    "smollm2_folder",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOME]


register_when_peft_is_imported()
