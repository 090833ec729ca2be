"""The fine-tuning methods, one file each. A new method is one file and one entry here; PEFT's own come by name."""

from __future__ import annotations

from ladderscope.errors import UnknownNameError
from ladderscope.methods.base import Method
from ladderscope.methods.full import FULL
from ladderscope.methods.ladder import LADDER
from ladderscope.methods.lora import LORA
from ladderscope.methods.lst import LST
from ladderscope.methods.peft_file import PREFIX, peft_method
from ladderscope.methods.qlora import QLORA
from ladderscope.methods.qst import QST
from ladderscope.methods.xladder import XLADDER

METHODS = {method.name: method for method in (FULL, LORA, QLORA, LST, QST, LADDER, XLADDER)}


def get_method(name: str) -> Method:
    """The method of that name; ``peft:`` and a tuner's name or an adapter's folder stand for any method of PEFT.

    Raises:
        UnknownNameError: there is none; the nearest is proposed.
        UsageError: a config of PEFT that cannot be read.
    """
    if str(name).startswith(PREFIX):
        return peft_method(name)
    if name not in METHODS:
        raise UnknownNameError("method", name, METHODS)
    return METHODS[name]


__all__ = ["METHODS", "Method", "get_method"]
