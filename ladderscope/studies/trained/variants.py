"""One choice of a side network at a time: the cells that train its variants, and those that predict their bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ladderscope.methods.settings import canonical_settings
from ladderscope.records import Cell

METHOD, LEARNING_RATE = "ladder", 2e-3
TRAINED_MODEL, PREDICTED_MODEL = "smollm2-135m", "random:llama-2-7b"
GPU = "1024GiB:sm86"
"""What bytes are predicted for: all that a GPU of its size changes is whether memory runs out."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A side network that differs from the reference in one choice.

    Attributes:
        name: in tables.
        settings: all fields of the config that the study is about, so that another default of the package leaves a
            cell what it was.
        reductions: widths that it is run at, as reduction factors.
    """

    name: str
    settings: str
    reductions: tuple[int, ...]


def variant(name: str, reductions: Sequence[int], **settings: str | float) -> Variant:
    """A variant with its settings in the one text that cells have for them."""
    return Variant(name, canonical_settings(settings), tuple(reductions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        variants: the reference first; the others are compared with it.
        seeds: each decides a start and an order of the data, the same for all variants.
        steps: of 512 tokens.
    """

    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    steps: int = 32

    @property
    def reference(self) -> Variant:
        """What the others are compared with."""
        return self.variants[0]

    def named(self, names: Iterable[str]) -> tuple[Variant, ...]:
        """The variants of these names, in the plan's order."""
        wanted = set(names)
        return tuple(one for one in self.variants if one.name in wanted)

    def part(self, names: Iterable[str], *, reductions: tuple[int, ...], seeds: tuple[int, ...]) -> Plan:
        """Some variants at some widths and seeds, with the same cells."""
        variants = tuple(replace(one, reductions=reductions) for one in self.named(names))
        return replace(self, variants=variants, seeds=seeds)


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
