"""The tables of the README."""

from __future__ import annotations

from collections.abc import Callable

from ladderscope.memory.predict.gpus import CONTEXT_BYTES, find_gpu
from ladderscope.records import Record
from ladderscope.studies.bases import basis_of, weakest
from ladderscope.studies.chosen import peak_reserved
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.units import format_bytes, format_count, format_flops

from .fitting import SEARCHED, STEP, bases_of_bounds, bounds, fit_basis, fits, has_ended, longest_of_grid
from .variants import (
    BEST_LADDER,
    BEST_QLORA,
    CARDS,
    CHECKPOINTING,
    CHUNKED,
    HEADLINE,
    MODELS,
    SIZE,
    VARIANTS,
    Peaks,
    in_bf16,
)

NOT_MEASURED = "not measured"
Show = Callable[[Record], str]


def tables_of(peaks: Peaks) -> list[Table]:
    """All tables, the headline first."""
    return [
        _headline(peaks),
        _opponents(peaks),
        _dtypes(peaks),
        *(_lengths(model, peaks) for model in MODELS),
        _longest(peaks),
        _search(peaks),
        _wider(peaks),
        _cards(),
    ]


def _headline(peaks: Peaks) -> Table:
    def show(record: Record) -> str:
        on = [title for title, card in CARDS.items() if fits(record, card, peaks) == "yes"]
        return f"{format_bytes(peak_reserved(record))}, fits {on[0] if on else 'none'}"

    rows = [[variant, *(_value(peaks, model, variant, show) for model in MODELS)] for variant in VARIANTS]
    note = (
        "With each peak the smallest of the three cards that the cell fits. A cell can fit a card with less than its "
        "peak: PyTorch then gives cached memory back, which takes time."
    )
    return Table(f"Reserved peak at {HEADLINE:,} tokens, batch 1", ["method", *MODELS], rows, note)


def _opponents(peaks: Peaks) -> Table:
    variants = ("qlora", f"qlora, {CHECKPOINTING}", f"qlora, {CHUNKED}", BEST_QLORA, "ladder", "xladder", BEST_LADDER)
    model = "mistral-7b"
    shows: list[Show] = [
        lambda r: format_bytes(peak_reserved(r)),
        lambda r: format_flops(r.flops.per_token) if r.flops else NOTHING,
        lambda r: format_count(r.params.trainable) if r.params else NOTHING,
    ]
    rows = [
        [variant, *(_value(peaks, model, variant, show) for show in shows), _seconds(peaks, model, variant)]
        for variant in variants
    ]
    columns = ["method", "reserved peak", "FLOPs per token", "trained parameters", "seconds per step"]
    note = (
        "FLOPs are counted on the operations of a step; checkpointing pays for its bytes with a second forward pass."
    )
    return Table(f"The honest opponents: {model} at {HEADLINE:,} tokens", columns, rows, note)


def _dtypes(peaks: Peaks) -> Table:
    variants = [variant for variant in VARIANTS if any((m, in_bf16(variant), HEADLINE) in peaks.of for m in MODELS)]
    rows = [
        [
            variant,
            *(_value(peaks, model, one, _gib) for model in MODELS for one in (variant, in_bf16(variant))),
        ]
        for variant in variants
    ]
    columns = ["method", *(f"{model}, {dtype}" for model in MODELS for dtype in ("fp32", "bf16"))]
    note = "Every other table has adapters and side networks in fp32, as PEFT makes them."
    return Table(f"Adapters in fp32 and in bf16: reserved peak in GiB at {HEADLINE:,} tokens", columns, rows, note)


def _lengths(model: str, peaks: Peaks) -> Table:
    lengths = peaks.lengths(model)
    rows = [[variant, *(_value(peaks, model, variant, _gib, length) for length in lengths)] for variant in VARIANTS]
    return Table(f"{model}: reserved peak in GiB by tokens", ["method", *(f"{n:,}" for n in lengths)], rows)


def _longest(peaks: Peaks) -> Table:
    rows: list[list[str | Value]] = [
        [variant, *(_longest_cell(model, variant, card, peaks) for model in MODELS for card in CARDS.values())]
        for variant in VARIANTS
    ]
    columns = ["method", *(f"{model}, {title}" for model in MODELS for title in CARDS)]
    note = (
        "Tokens, of 512 and its doublings; (all): as many as were tried, which for llama-2-7b is as many as it reads."
    )
    return Table("Longest row of the grid that fits", columns, rows, note)


def _longest_cell(model: str, variant: str, card: str, peaks: Peaks) -> Value:
    bases = [fit_basis(record, card, peaks) for key, record in peaks.of.items() if key[:2] == (model, variant)]
    return Value(longest_of_grid(model, variant, card, peaks), weakest(bases))


def _search(peaks: Peaks) -> Table:
    models, _, card = SEARCHED
    rows: list[list[str | Value]] = []
    for variant in (BEST_QLORA, BEST_LADDER):
        found = [
            Value(
                _searched(*bounds(model, variant, card, peaks)),
                weakest(bases_of_bounds(model, variant, card, peaks) or ()),
            )
            for model in models
        ]
        rows.append([variant, *found])
    note = f"In steps of {STEP:,} tokens. Each of these fits, and the next longer row was tried too and does not."
    return Table("Longest row on an RTX 3070 (8 GB), by search", ["method", *models], rows, note)


def _searched(low: int, high: int | None) -> str:
    if not has_ended(low, high):
        return NOTHING
    return f"{low:,}" if high else f"{low:,} (all that was tried)"


def _cards() -> Table:
    gpus = [find_gpu(card) for card in CARDS.values()]
    sizes = [(gpu.title, gpu.memory_bytes, CONTEXT_BYTES, gpu.usable_bytes) for gpu in gpus]
    rows = [[title, *map(format_bytes, of_card)] for title, *of_card in sizes]
    columns = ["card", "memory, as CUDA reports it", "CUDA context, an estimate", "left to PyTorch"]
    return Table(
        "The cards", columns, rows, "From output that users published: `ladderscope/memory/predict/gpus.yaml`."
    )


def _wider(peaks: Peaks) -> Table:
    rows: list[list[str | Value]] = []
    for method in ("ladder", "xladder"):
        for reduction, found in ((SIZE, peaks.of), (8, peaks.others)):
            records = [found.get((model, method, HEADLINE)) for model in MODELS]
            cells = [_shown(record, lambda r: f"{_gib(r)} GiB") for record in records]
            rows.append([f"{method} 1/{reduction}", *cells])
    return Table(f"A wider side network: reserved peak at {HEADLINE:,} tokens", ["method", *MODELS], rows)


def _seconds(peaks: Peaks, model: str, variant: str) -> str | Value:
    record = peaks.of.get((model, variant, HEADLINE))
    seconds = record.seconds_per_step if record else None
    return NOT_MEASURED if seconds is None or record is None else Value(f"{seconds:.3g}", basis_of(record))


def _value(peaks: Peaks, model: str, variant: str, show: Show, length: int = HEADLINE) -> str | Value:
    return _shown(peaks.of.get((model, variant, length)), show)


def _shown(record: Record | None, show: Show) -> str | Value:
    if record is None or record.memory is None:
        return NOTHING
    return Value(show(record), basis_of(record))


def _gib(record: Record) -> str:
    return f"{peak_reserved(record) / 2**30:.2f}"
