"""What the opponents' bytes cost in seconds, on the hardware at hand: steps of a small model on a CPU."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.records import Record
from ladderscope.studies.cpu_seconds import cpu_steps, cpu_table
from ladderscope.studies.findings import Table

from .variants import BEST_LADDER, BEST_QLORA, CHECKPOINTING, CHUNKED, variant_of

MODEL = "smollm2-135m"
LABELS = ("qlora", f"qlora, {CHECKPOINTING}", BEST_QLORA, "ladder", f"ladder, {CHUNKED}", BEST_LADDER)
_NOTE = (
    "Lower quartile of the steps after the first, each of one row of 1,024 random tokens, rank and reduction 16, one "
    "run each. The head (49,152 tokens, 576 channels) is a far larger part of this model than of one of 7B, and a CPU "
    "is no GPU: the order is of use here, the ratios are not those of the models above. Losses of these runs are no "
    "result: the tokens are random."
)


def seconds_table(records: Sequence[Record]) -> Table:
    """Seconds per step of QLoRA and Ladder, each with what makes it smaller, beside FLOPs."""
    return cpu_table(cpu_steps(records, MODEL, "qlora", variant_of), LABELS, _NOTE)
