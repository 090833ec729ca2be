"""Scaling laws: what a method's loss or memory does as compute, tokens or sequence length grow."""

from __future__ import annotations

from ladderscope.scaling.axes import X_AXES, Y_AXES
from ladderscope.scaling.fit import fit_scaling
from ladderscope.scaling.laws import LAWS, AffineLaw, FitSettings, PowerLaw
from ladderscope.scaling.result import Estimate, GroupFit, PairDifference, ScalingFit, read_fit, write_fit
from ladderscope.scaling.terminal import print_fit

__all__ = [
    "LAWS",
    "X_AXES",
    "Y_AXES",
    "AffineLaw",
    "Estimate",
    "FitSettings",
    "GroupFit",
    "PairDifference",
    "PowerLaw",
    "ScalingFit",
    "fit_scaling",
    "print_fit",
    "read_fit",
    "write_fit",
]
