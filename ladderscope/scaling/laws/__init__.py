"""The laws, one per file. A new law is one small class and one entry in :data:`LAWS`."""

from __future__ import annotations

from ladderscope.scaling.laws.affine import AffineLaw
from ladderscope.scaling.laws.base import FitSettings, FloatArray, Law, Parameter, Solution
from ladderscope.scaling.laws.power import PowerLaw

LAWS: dict[str, Law] = {"loss": PowerLaw(), "peak-allocated": AffineLaw()}
"""Quantity on the y axis -> the law that is fitted to it."""

__all__ = ["LAWS", "AffineLaw", "FitSettings", "FloatArray", "Law", "Parameter", "PowerLaw", "Solution"]
