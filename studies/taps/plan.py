"""The variants of the study: how taps come down to the side's width, and how many there are."""

from __future__ import annotations

from ladderscope.studies.variants.plan import Plan, variant

WIDTHS = (4, 8, 16)
"""Reduction factors: widths of 144, 72 and 36 channels of SmolLM2's 576."""
ADAPTER_WIDTHS = (2, *WIDTHS)
"""At a quarter of the width adapters take a little less than the reference: only with 2 do they span its bytes."""
SPACED_WIDTHS = (2, 4, 8)
"""Fewer side blocks need wider ones to take as many bytes."""
AT = 8
REFERENCE = "principal"
DOWNSAMPLERS = ("linear", "adapter", "avg-pool", "max-pool")
SPACINGS = ("every:2", "every:3")

WHOLE = Plan(
    variants=(
        variant(REFERENCE, WIDTHS),
        *(variant(name, ADAPTER_WIDTHS if name == "adapter" else WIDTHS, downsample=name) for name in DOWNSAMPLERS),
        *(variant(name, SPACED_WIDTHS, taps=name) for name in SPACINGS),
    ),
    seeds=(0, 1, 2),
)
QUICK = WHOLE.part((REFERENCE, "linear", "avg-pool", "every:2"), reductions=(AT,), seeds=(0,))
"""A part of the whole, with the same cells."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE
