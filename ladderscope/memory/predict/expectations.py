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
    aten.isin.Tensor_Tensor: False,
}
_SAME = {aten.eq.Tensor: True, aten.ne.Tensor: False}
_INFINITE = {aten.eq.Scalar: False, aten.ne.Scalar: True}
TESTS = frozenset([*_TESTS, *_SAME, *_INFINITE])
"""All that may be such a test; to ask each time whether it is one takes longer."""


def expected_answer(func: Any, args: tuple[Any, ...]) -> bool | None:
    """What a test gives: no number that is not finite is found, and nothing else that code looks out for either.

    So a generated token that nobody knows is no end of text, and generation is as long as it may get.

    None for an operation that is no such test.

    Some of them arrive as what they are made of: ``isnan`` compares a tensor with itself, ``isfinite`` with infinity.
    """
    if func in _TESTS:
        return _TESTS[func]
    if func in _SAME and args[0] is args[1]:
        return _SAME[func]
    if func in _INFINITE and isinstance(args[1], float) and math.isinf(args[1]):
        return _INFINITE[func]
    return None


def kept_as_it_is(func: Any, args: tuple[Any, ...]) -> Tensor | None:
    """The tensor that an operation writes only when something goes wrong: a gradient scaler's ``found_inf``."""
    if func is aten._amp_foreach_non_finite_check_and_unscale_.default:
        found_inf: Tensor = args[1]
        return found_inf
    return None
