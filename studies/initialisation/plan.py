"""The variants of the study: how side blocks start, the gate, and the gain before the up-projection."""

from __future__ import annotations

from ladderscope.studies.trained.variants import Plan, Variant, variant

WIDTHS = (4, 8)
"""Reduction factors: widths of 144 and 72 channels of SmolLM2's 576."""
REFERENCE = "identity"


def _variant(name: str, *, init: str = "identity", gate: str = "scalar", output_gain: float = 8.0) -> Variant:
    return variant(name, WIDTHS, init=init, gate=gate, output_gain=output_gain)


STARTS = tuple(_variant(init, init=init) for init in ("default", "orthogonal", "xavier", "he", "pruned", "sliced"))
GATES = tuple(_variant(f"gate {gate}", gate=gate) for gate in ("vector", "none"))
GAINS = (_variant("gain 1", output_gain=1.0),)
WHOLE = Plan(variants=(_variant(REFERENCE), *STARTS, *GATES, *GAINS), seeds=(0, 1))
QUICK = WHOLE.part(("identity", "default", "gate none"), reductions=(8,), seeds=(0,))
"""A part of the whole, with the same cells."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE
