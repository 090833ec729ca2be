"""The backbones, the sizes of adapters and side networks, and the cells of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.records import Cell
from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.pretrained.kjv import kjv_backbone

SEQ_LEN, BATCH_SIZE, STEPS = 256, 2, 48
ADAPTERS, SIDE_NETWORKS = ("qlora", "lora"), ("ladder", "xladder", "qst", "lst")
METHODS = (*ADAPTERS, *SIDE_NETWORKS)
REFERENCE = "qlora"
LEARNING_RATES = {**dict.fromkeys(ADAPTERS, 1e-3), **dict.fromkeys(SIDE_NETWORKS, 2e-3)}
"""The package's defaults, tuned for none of these backbones and none of these sizes."""

RANKS = (1, 2, 4, 8, 16, 32)
REDUCTIONS = (16, 8, 4, 2)
"""A head of the backbones has 32 channels, and one of a side network needs an even number of them."""
USUAL_RANK, LARGEST_RANK = 8, max(RANKS)
SCALED = "qlora, alpha 2r"
"""QLoRA whose alpha grows with the rank, so that the factor alpha over rank is that of rank 8 at all of them."""
SCALED_RANKS = (min(RANKS), LARGEST_RANK)
"""At rank 8 it is QLoRA as it is."""
SIZES: Mapping[str, Sequence[int]] = {
    **dict.fromkeys(ADAPTERS, RANKS),
    **dict.fromkeys(SIDE_NETWORKS, REDUCTIONS),
    SCALED: SCALED_RANKS,
}
"""Ranks of adapters and reductions of side networks, those with the fewest parameters first."""

SMALL, LARGE = kjv_backbone(96, 6), kjv_backbone(384, 10)
BACKBONES = (SMALL, LARGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run: every size of every method on every backbone, once for each seed.

    Attributes:
        seeds: a run's seed decides the order of its data and the start of its weights; all methods have the same.
    """

    backbones: Sequence[SmallBackbone]
    methods: Sequence[str]
    seeds: Sequence[int]


WHOLE = Plan(backbones=BACKBONES, methods=(*METHODS, SCALED), seeds=(0, 1, 2))
QUICK = Plan(backbones=(SMALL,), methods=(REFERENCE, "ladder"), seeds=WHOLE.seeds[:1])
"""A part of the whole, so that its numbers can be compared with the committed ones."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE


def cells_of(plan: Plan) -> list[Cell]:
    """All cells of a plan: all of a seed before the next, in it the expensive backbone first, to end evenly."""
    return [
        _cell(backbone.name, method, size, seed)
        for seed in plan.seeds
        for backbone in sorted(plan.backbones, key=lambda one: -one.parameters)
        for method in plan.methods
        for size in SIZES[method]
    ]


def method_of(cell: Cell) -> str:
    """The method, or QLoRA with a growing alpha."""
    return SCALED if cell.settings else cell.method


def size_of(cell: Cell) -> int:
    """Its rank, or its reduction."""
    size = cell.rank or cell.reduction_factor
    assert size is not None
    return size


def _cell(model: str, method: str, size: int, seed: int) -> Cell:
    is_side, is_scaled = method in SIDE_NETWORKS, method == SCALED
    return Cell(
        model=model,
        method=REFERENCE if is_scaled else method,
        settings=f"lora_alpha={2 * size}" if is_scaled else "",
        rank=None if is_side else size,
        reduction_factor=size if is_side else None,
        seq_len=SEQ_LEN,
        batch_size=BATCH_SIZE,
        dtype="fp32",
        quantization="none" if method == "lora" else "nf4-dq",
        lr=LEARNING_RATES[REFERENCE if is_scaled else method],
        steps=STEPS,
        seed=seed,
        data="gsm-symbolic",
    )
