"""The cells that train variants, and those that predict their bytes."""

from __future__ import annotations

from ladderscope.records import Cell
from ladderscope.studies.variants.plan import Plan, Variant

METHOD, LEARNING_RATE = "ladder", 2e-3
TRAINED_MODEL, PREDICTED_MODEL = "smollm2-135m", "random:llama-2-7b"
GPU = "1024GiB:sm86"
"""What bytes are predicted for: all that a GPU of its size changes is whether memory runs out."""


def trained_cells(plan: Plan) -> list[Cell]:
    """All training runs: all of a seed before the next one."""
    return [
        trained_cell(one, reduction, seed, plan.steps)
        for seed in plan.seeds
        for one in plan.variants
        for reduction in one.reductions
    ]


def trained_cell(one: Variant, reduction: int, seed: int, steps: int) -> Cell:
    """SmolLM2-135M in NF4 with a side network beside it, on worked maths problems."""
    return Cell(
        model=TRAINED_MODEL,
        method=METHOD,
        reduction_factor=reduction,
        seq_len=256,
        batch_size=2,
        dtype="bf16",
        quantization="nf4-dq",
        lr=LEARNING_RATE,
        steps=steps,
        seed=seed,
        data="gsm-symbolic",
        settings=one.settings,
    )


def predicted_cells(plan: Plan) -> list[Cell]:
    """A cell for every variant and reduction whose bytes are predicted."""
    return [predicted_cell(one, reduction) for one in plan.variants for reduction in one.reductions]


def predicted_cell(one: Variant, reduction: int) -> Cell:
    """The same side network beside a backbone of 7B, at the length and batch that the papers speak of."""
    return Cell(
        model=PREDICTED_MODEL,
        method=METHOD,
        reduction_factor=reduction,
        seq_len=2048,
        batch_size=1,
        dtype="bf16",
        quantization="nf4-dq",
        lr=LEARNING_RATE,
        loss_impl="chunked",
        data="random",
        settings=one.settings,
    )
