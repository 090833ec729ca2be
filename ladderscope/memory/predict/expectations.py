"""What values are taken to be where nobody knows them: those of a training run that goes well."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten
_TESTS = {
    aten.any.default: False,
    aten.isnan.default: False,
    aten.isinf.default: False,
    aten.isposinf.default: False,
    aten.isneginf.default: False,
    aten.isfinite.default: True,
}
_SAME = {aten.eq.Tensor: True, aten.ne.Tensor: False}
_INFINITE = {aten.eq.Scalar: False, aten.ne.Scalar: True}
_FEW_TOKENS = 16
TESTS = frozenset([*_TESTS, *_SAME, *_INFINITE, aten.isin.Tensor_Tensor])
"""All that may be such a test; to ask each time whether it is one takes longer."""


def expected_answer(func: Any, args: tuple[Any, ...]) -> bool | None:
    """What a test gives: no number that is not finite is found, and nothing else that code looks out for either.

    Tokens of a row of texts that nobody knows are no ends of text, so that generation is as long as it may get.

    None for an operation that is no such test.

    Some of them arrive as what they are made of: ``isnan`` compares a tensor with itself, ``isfinite`` with infinity.
    """
    if func in _TESTS:
        return _TESTS[func]
    if func in _SAME and args[0] is args[1]:
        return _SAME[func]
    if func in _INFINITE and isinstance(args[1], float) and math.isinf(args[1]):
        return _INFINITE[func]
    if func is aten.isin.Tensor_Tensor and _may_be_ends_of_text(args[0], args[1]):
        return False
    return None


def _may_be_ends_of_text(tokens: Tensor, ends: Tensor) -> bool:
    """Whether the latest tokens of some texts are compared with a few; not a whole batch, to select from it."""
    are_few = tokens.ndim == 1 or tokens.shape[-1] <= _FEW_TOKENS
    return are_few and ends.numel() <= _FEW_TOKENS and not tokens.dtype.is_floating_point


def kept_as_it_is(func: Any, args: tuple[Any, ...]) -> Tensor | None:
    """The tensor that an operation writes only when something goes wrong: a gradient scaler's ``found_inf``."""
    if func is aten._amp_foreach_non_finite_check_and_unscale_.default:
        found_inf: Tensor = args[1]
        return found_inf
    return None
