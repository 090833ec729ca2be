"""The variants of the study: how side blocks start, the gate, and the gain before the up-projection."""

from __future__ import annotations

from ladderscope.studies.variants.plan import Plan, variant

AT = 8
"""Reduction factor: a width of 72 channels of SmolLM2's 576, the preset's."""
REFERENCE = "preset (init=identity)"
"""Ladder's own default; ``init=default`` is the value of that name, and another start."""
_STARTS = {f"init={init}": init for init in ("default", "orthogonal", "xavier", "he", "pruned", "sliced")}
_GATES = {f"gate={gate}": gate for gate in ("vector", "none")}
_GAINS = {"output_gain=1": 1.0}
STARTS, GATES, GAINS = tuple(_STARTS), tuple(_GATES), tuple(_GAINS)

WHOLE = Plan(
    variants=(
        variant(REFERENCE, (AT,)),
        *(variant(name, (AT,), init=init) for name, init in _STARTS.items()),
        *(variant(name, (AT,), gate=gate) for name, gate in _GATES.items()),
        *(variant(name, (AT,), output_gain=gain) for name, gain in _GAINS.items()),
    ),
    seeds=(0, 1, 2, 3),
)
QUICK = WHOLE.part((REFERENCE, "init=default", "gate=none"), reductions=(AT,), seeds=(0,))
"""A part of the whole, with the same cells."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE
