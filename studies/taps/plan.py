"""The variants of the study: how taps come down to the side's width, and how many there are."""

from __future__ import annotations

from ladderscope.studies.trained.variants import Plan, variant

WIDTHS = (4, 8, 16)
"""Reduction factors: widths of 144, 72 and 36 channels of SmolLM2's 576."""
WIDER = (2, *WIDTHS)
"""Fewer side blocks need wider ones to take as many bytes."""
AT = 8
REFERENCE = "principal"
RANK = 16

DOWNSAMPLERS = (
    variant(REFERENCE, WIDTHS, downsample="frozen", basis="principal", taps="all"),
    variant("random", WIDTHS, downsample="frozen", basis="random", taps="all"),
    variant("linear", WIDTHS, downsample="linear", taps="all"),
    variant("shared-linear", WIDTHS, downsample="shared-linear", taps="all"),
    variant("lora", WIDTHS, downsample="lora", downsample_rank=RANK, taps="all"),
    variant("adapter", WIDTHS, downsample="adapter", downsample_rank=RANK, taps="all"),
    variant("avg-pool", WIDTHS, downsample="avg-pool", taps="all"),
    variant("max-pool", WIDTHS, downsample="max-pool", taps="all"),
)
SPACINGS = (
    variant("every:2", WIDER, downsample="frozen", basis="principal", taps="every:2"),
    variant("every:3", WIDER, downsample="frozen", basis="principal", taps="every:3"),
)
WHOLE = Plan(variants=(*DOWNSAMPLERS, *SPACINGS), seeds=(0, 1))
QUICK = WHOLE.part((REFERENCE, "linear", "avg-pool", "every:2"), reductions=(AT,), seeds=(0,))
"""A part of the whole, with the same cells."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE
