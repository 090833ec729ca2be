"""How right predictions were, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from ladderscope.memory.predict.gpus import CONTEXT_BYTES
from ladderscope.units import MIB, counted
from studies.gpu_validation import accuracy, markdown
from studies.gpu_validation.accuracy import TARGETS, Accuracy, accuracy_of, grouped, ratio_of
from studies.gpu_validation.labels import cell_name, method_name, model_name
from studies.gpu_validation.pairs import AGREED, COMPARED, CUDA, NOT_MEASURED, Pair

_CELL_HEADINGS = (
    "cell",
    "allocated (GiB)",
    "predicted / measured",
    "reserved (GiB)",
    "predicted / measured",
    "step (s)",
    "tokens/s",
    "FLOP/s",
    "FLOPs predicted / measured",
)
_SUMMARY_HEADINGS = ("error", "cells", "median", "largest", "ratio min", "median", "max", "below")


def cells_table(pairs: Sequence[Pair]) -> str:
    """A row for each cell that was measured to its end; all but the ratios is measured."""
    return markdown.table(_CELL_HEADINGS, [_cell_row(pair) for pair in pairs if _has_memory(pair)])


def _has_memory(pair: Pair) -> bool:
    return pair.measured is not None and pair.measured.memory is not None


def _cell_row(pair: Pair) -> list[str]:
    record = pair.measured
    assert record is not None
    return [
        cell_name(pair.cell),
        markdown.gib(accuracy.allocated_bytes(record)),
        markdown.ratio(ratio_of(pair, accuracy.allocated_bytes)),
        markdown.gib(accuracy.reserved_bytes(record)),
        markdown.ratio(ratio_of(pair, accuracy.reserved_bytes)),
        markdown.seconds(record.seconds_per_step),
        markdown.rate(record.tokens_per_second),
        markdown.flops(accuracy.flops_per_second(record)),
        markdown.ratio(ratio_of(pair, accuracy.flops_per_step)),
    ]


def summary_table(pairs: Sequence[Pair]) -> str:
    """A row for each target, over all cells, and whether it is met. Only what a GPU has measured can meet one."""
    rows = []
    for target in TARGETS:
        wanted = f"at most {markdown.percent(target.median)} / {markdown.percent(target.largest)}"
        found = accuracy_of(pairs, target)
        verdict = "met" if found is not None and found.is_met else "missed"
        if found is None or not _on_gpu(pairs):
            verdict = "not measured on a GPU"
        rows.append([target.name, wanted, verdict, *_numbers(found)])
    headings = (_SUMMARY_HEADINGS[0], "target (median / largest)", "verdict", *_SUMMARY_HEADINGS[1:])
    return markdown.table(headings, rows, texts=3)


def _on_gpu(pairs: Sequence[Pair]) -> bool:
    return all(pair.measured.meter == CUDA for pair in pairs if pair.measured is not None)


def _numbers(found: Accuracy | None) -> list[str]:
    if found is None:
        return ["0", *[markdown.MISSING] * 6]
    ordered = sorted(found.ratios)
    middle = statistics.median(ordered)
    errors = (markdown.percent(found.median_error), markdown.percent(found.largest_error))
    return [str(len(ordered)), *errors, *map(markdown.ratio, (ordered[0], middle, ordered[-1])), str(found.below)]


def by_method_table(pairs: Sequence[Pair]) -> str:
    """The summary, method by method, checkpointed ones apart."""
    return _grouped_table("method", pairs, lambda pair: method_name(pair.cell))


def by_model_table(pairs: Sequence[Pair]) -> str:
    """The summary, model by model."""
    return _grouped_table("model", pairs, lambda pair: model_name(pair.cell))


def _grouped_table(heading: str, pairs: Sequence[Pair], key: Callable[[Pair], str]) -> str:
    rows = []
    for name, group in grouped(pairs, key).items():
        found = [(target, accuracy_of(group, target)) for target in TARGETS]
        rows += [[name, target.name, *_numbers(one)] for target, one in found if one is not None]
    return markdown.table((heading, *_SUMMARY_HEADINGS), rows, texts=2)


def unpaired_table(pairs: Sequence[Pair]) -> str:
    """What cannot be compared number by number: out of memory, failed, on one side alone. Empty where all can be."""
    rows = [[cell_name(pair.cell), pair.outcome, pair.error or ""] for pair in pairs if pair.outcome != COMPARED]
    return markdown.table(("cell", "outcome", "error"), rows, texts=3) if rows else ""


def fits_sentence(pairs: Sequence[Pair]) -> str:
    """On how many cells measurement and prediction agree whether there is memory enough."""
    judged = [pair for pair in pairs if pair.outcome in AGREED or pair.outcome.startswith("measured:")]
    agreed = sum(pair.outcome in AGREED for pair in judged)
    unmeasured = sum(pair.outcome == NOT_MEASURED for pair in pairs)
    rest = f" Predicted and not measured: {counted(unmeasured, 'cell')}." if unmeasured else ""
    return f"Whether it fits: the prediction agrees with the measurement on {agreed} of {len(judged)} cells.{rest}"


def outside_sentence(pairs: Sequence[Pair]) -> str:
    """What the GPU held beside the allocator, as measured, beside the estimate that predictions use."""
    found = [pair.measured.env.get("gpu_outside_bytes") for pair in pairs if pair.measured is not None]
    known = sorted(num_bytes for num_bytes in found if num_bytes is not None)
    estimate = f"predictions take {CONTEXT_BYTES / MIB:.0f} MiB"
    if not known:
        return f"Memory outside of the allocator was not measured; {estimate}."
    middle = statistics.median(known)
    return (
        "Memory of the GPU in use outside of the allocator (contexts of all processes, libraries), measured: "
        f"{known[0] / MIB:.0f} to "
        f"{known[-1] / MIB:.0f} MiB, median {middle / MIB:.0f} MiB, over {counted(len(known), 'record')}; {estimate}."
    )
