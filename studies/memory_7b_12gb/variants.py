"""The rows of the tables: a method with what is switched on, and which record speaks for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ladderscope.records import Cell, Record
from ladderscope.studies.chosen import chosen, on_card

GPU = "1024GiB:sm86"
MODELS = ("llama-2-7b", "mistral-7b", "qwen2.5-7b")
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384, 32768)
HEADLINE = 2048
SIZE = 16
"""Rank of LoRA, reduction factor of side networks."""
CHECKPOINTING, CHUNKED, LEAN, BF16 = "checkpointing", "chunked loss", "lean", "bf16 adapters"
VARIANTS = (
    "full",
    "lora",
    "qlora",
    f"qlora, {CHECKPOINTING}",
    f"qlora, {CHUNKED}",
    f"qlora, {CHECKPOINTING}, {CHUNKED}",
    "lst",
    "qst",
    "xladder",
    "ladder",
    f"ladder, {CHUNKED}",
    f"ladder, {LEAN}",
)
CARDS = {"8 GB": "rtx-3070-8gb", "12 GB": "rtx-3060-12gb", "24 GB": "rtx-3090-24gb"}
BEST_QLORA, BEST_LADDER = f"qlora, {CHECKPOINTING}, {CHUNKED}", f"ladder, {LEAN}"


@dataclass(frozen=True, slots=True)
class Peaks:
    """The records that speak for the cells, by model, variant and tokens; and all of them, for single cards."""

    of: dict[tuple[str, str, int], Record]
    others: dict[tuple[str, str, int], Record]
    by_card: dict[tuple[str, str], Record]

    def on_card(self, model: str, variant: str, card: str, size: int = SIZE) -> Record | None:
        """The card's own record at the headline's tokens."""
        known = (record for (_, gpu), record in self.by_card.items() if gpu == card and _size(record.cell) == size)
        return next((one for one in known if key_of(one.cell) == (model, variant, HEADLINE)), None)

    def lengths(self, model: str) -> list[int]:
        """Those of the grid that the model was given."""
        return [length for length in LENGTHS if any(key[0] == model and key[2] == length for key in self.of)]


def peaks_of(records: Iterable[Record]) -> Peaks:
    """Sort the records of the ledger; others are those of another reduction than the study's."""
    known = list(records)
    best = chosen(known, GPU).values()
    by_card = {(name, card): record for card in CARDS.values() for name, record in on_card(known, card).items()}
    studied = {key_of(record.cell): record for record in best if _size(record.cell) in (SIZE, None)}
    others = {key_of(record.cell): record for record in best if _size(record.cell) not in (SIZE, None)}
    return Peaks(studied, others, by_card)


def key_of(cell: Cell) -> tuple[str, str, int]:
    """Model, variant and tokens."""
    return cell.model.removeprefix("random:"), variant_of(cell), cell.seq_len


def in_bf16(variant: str) -> str:
    """The variant with its adapters in bf16."""
    return f"{variant}, {BF16}"


def variant_of(cell: Cell) -> str:
    """As the tables name it."""
    switched = [CHECKPOINTING] * cell.gradient_checkpointing + [CHUNKED] * (cell.loss_impl == "chunked")
    switched = [LEAN] if cell.settings else switched
    return ", ".join([cell.method, *switched, *([BF16] if cell.adapter_dtype == "bf16" else [])])


def _size(cell: Cell) -> int | None:
    return cell.rank or cell.reduction_factor
