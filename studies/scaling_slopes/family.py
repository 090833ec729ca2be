"""The backbones, the token budgets and the cells of the study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.records import Cell
from ladderscope.studies.pretrained.backbone import SmallBackbone
from ladderscope.studies.pretrained.kjv import kjv_backbone

SEQ_LEN = 256
BATCH_SIZE = 2
TOKENS_PER_STEP = SEQ_LEN * BATCH_SIZE
RANK, REDUCTION = 8, 8
ADAPTERS, SIDE_NETWORKS = ("qlora", "lora"), ("ladder", "xladder", "qst", "lst")
METHODS = (*ADAPTERS, *SIDE_NETWORKS)
REFERENCE = "qlora"
LEARNING_RATES = {**dict.fromkeys(ADAPTERS, 1e-3), **dict.fromkeys(SIDE_NETWORKS, 2e-3)}
"""The package's defaults, tuned for none of these backbones."""


FAMILY = (
    kjv_backbone(64, 4),
    kjv_backbone(96, 6),
    kjv_backbone(128, 8),
    kjv_backbone(192, 8),
    kjv_backbone(256, 10),
    kjv_backbone(384, 10),
)


def size_text(backbone: SmallBackbone) -> str:
    """Its parameters, as tables name it."""
    return f"{backbone.parameters / 1e6:.2f} M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        budgets: optimizer steps of 512 tokens.
        repetitions: runs of each backbone, method and budget, each with its own order of the data.
    """

    family: Sequence[SmallBackbone]
    methods: Sequence[str]
    budgets: Sequence[int]
    repetitions: int


WHOLE = Plan(
    family=FAMILY,
    methods=METHODS,
    budgets=(16, 48, 144),
    repetitions=2,
)
QUICK = Plan(
    family=FAMILY[:2],
    methods=("qlora", "ladder"),
    budgets=WHOLE.budgets[:2],
    repetitions=1,
)
"""A part of the whole, on the same backbones, so that its numbers can be compared with the committed ones."""


def plan_of(*, quick: bool) -> Plan:
    """The whole study, or the part of it that takes minutes."""
    return QUICK if quick else WHOLE


def cells_of(plan: Plan) -> list[Cell]:
    """All cells of a plan: a whole repetition before the next, in it the expensive ones first, to end evenly."""
    return [
        _cell(backbone.name, method, steps, repetition * len(WHOLE.budgets) + place)
        for repetition in range(plan.repetitions)
        for backbone in sorted(plan.family, key=lambda one: -one.parameters)
        for place, steps in sorted(enumerate(plan.budgets), key=lambda one: -one[1])
        for method in plan.methods
    ]


def _cell(model: str, method: str, steps: int, seed: int) -> Cell:
    """Budgets have seeds of their own: with one seed, a short run would be the first part of a long one."""
    is_side = method in SIDE_NETWORKS
    return Cell(
        model=model,
        method=method,
        rank=None if is_side else RANK,
        reduction_factor=REDUCTION if is_side else None,
        seq_len=SEQ_LEN,
        batch_size=BATCH_SIZE,
        dtype="fp32",
        quantization="none" if method == "lora" else "nf4-dq",
        lr=LEARNING_RATES[method],
        steps=steps,
        seed=seed,
        data="gsm-symbolic",
    )
