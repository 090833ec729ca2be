"""Compiled code: it runs as it is written, since a compiler would have to know the simulated device."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
from torch import nn

COMPILED = "torch.compile: predicted as if it ran eagerly; compiled code fuses operations and can take less"
SCRIPTED = "torch.jit.script: predicted as if it ran eagerly"


@contextlib.contextmanager
def compiler_keeps_its_rules() -> Iterator[None]:
    """Inside, the compiler's rules are about the real functions of ``torch.cuda``: enter it before any is replaced.

    A process group that begins makes PyTorch forget them, and they would be made again from what replaces the
    functions, where one function stands for several: an error, or wrong rules for the rest of the process.
    """
    rules_of: Any = sys.modules.get("torch._dynamo.trace_rules")
    if rules_of is None:
        yield
        return
    rules = rules_of.get_torch_obj_rule_map()
    # Cached, since PyTorch clears it like the one that it stands for.
    with mock.patch.object(rules_of, "get_torch_obj_rule_map", functools.cache(lambda: rules)):
        yield


@contextlib.contextmanager
def compiled_code_runs_eagerly(note: Callable[[str], None]) -> Iterator[None]:
    """Inside, what was or is compiled runs eagerly.

    Args:
        note: is told when compiled code is met.
    """
    with contextlib.ExitStack() as stack:
        eager = _Eager(stack, note)
        eager.switch_on()
        stack.enter_context(mock.patch.object(torch, "compile", eager.compiling(torch.compile)))
        stack.enter_context(mock.patch.object(torch.jit, "script", _scripting(torch.jit.script, note)))
        yield


class _Eager:
    """Switches compiled code over to eager code, as soon as there is a compiler to tell: loading it takes seconds."""

    def __init__(self, stack: contextlib.ExitStack, note: Callable[[str], None]) -> None:
        self._stack = stack
        self._note = note
        self._is_on = False

    def switch_on(self) -> None:
        frames: Any = sys.modules.get("torch._dynamo.eval_frame")
        if self._is_on or frames is None:
            return
        self._is_on = True
        self._stack.enter_context(torch.compiler.set_stance("force_eager"))
        decide = frames._callback_from_stance

        def noticed(callback: Any) -> Any:
            if callback not in (None, False):
                self._note(COMPILED)
            return decide(callback)

        self._stack.enter_context(mock.patch.object(frames, "_callback_from_stance", noticed))

    def compiling(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def compiled(model: Any = None, **options: Any) -> Any:
            if model is None:
                return lambda function: compiled(function, **options)
            result = real(model, **options)
            self.switch_on()
            return result

        return compiled


def _scripting(real: Callable[..., Any], note: Callable[[str], None]) -> Callable[..., Any]:
    """Functions may be scripted: they are taken apart into operations. TorchScript runs modules in another way."""

    def script(code: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(code, nn.Module) or isinstance(code, torch.jit.ScriptModule):
            return real(code, *args, **kwargs)
        note(SCRIPTED)
        return code

    return script
