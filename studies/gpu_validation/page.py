"""The page that a validation is published as."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ladderscope.records import PREDICT, Record
from ladderscope.units import format_bytes
from studies.gpu_validation import accuracy_tables as tables
from studies.gpu_validation import markdown
from studies.gpu_validation.headline_tables import changes_table, headlines
from studies.gpu_validation.kept_traces import Kept
from studies.gpu_validation.labels import cell_name
from studies.gpu_validation.pairs import CUDA, Pair, pairs_of

REHEARSAL = "> **A rehearsal on a CPU: nothing on this page was measured on a GPU.**"
_VERSIONS = ("torch", "transformers", "peft", "bitsandbytes", "cuda", "cuda_driver", "python", "ladderscope")


def page(records: Sequence[Record], date: str, traces: Kept) -> str:
    """All of the page, as Markdown.

    Args:
        records: measured and predicted, of one GPU.
        date: of the publication, ``"2026-11-22"``.
        traces: which recordings are kept.
    """
    measured = [record for record in records if record.meter != PREDICT]
    on_gpu = any(record.meter == CUDA for record in measured)
    gpu = next((record.gpu for record in measured if record.gpu), None)
    if not on_gpu:
        return "\n\n".join([REHEARSAL, *_rehearsal(records, date)]) + "\n"
    parts = [
        f"# Predictions against {gpu}",
        _introduction(records, date),
        f"## Headline\n\n{headlines(records)}",
        _section("What the chunked loss and 8-bit AdamW change, measured", changes_table(records)),
        *_accuracy(pairs_of(records)),
        _section("Recorded allocator histories", _traces(traces)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rehearsal(records: Sequence[Record], date: str) -> list[str]:
    """What was run, without a comparison: predictions are for a GPU, and the measurements are a CPU's."""
    return [
        "# A rehearsal of the validation",
        _introduction(records, date),
        "Peaks of a CPU, whose kernels are others and which rounds nothing, say nothing about predictions for a GPU.",
        markdown.table(
            ("cell", "by", "status", "peak allocated", "step (s)"),
            [_rehearsed(record) for record in records],
            texts=3,
        ),
    ]


def _rehearsed(record: Record) -> list[str]:
    by = f"predicted for {record.gpu}" if record.meter == PREDICT else "measured on a CPU"
    peak = markdown.MISSING if record.memory is None else format_bytes(record.memory.peak_allocated_bytes)
    return [cell_name(record.cell), by, record.status, peak, markdown.seconds(record.seconds_per_step)]


def _accuracy(pairs: Sequence[Pair]) -> list[str]:
    explanation = (
        "A ratio is predicted over measured, an error is |ratio - 1|; below 1 is the unsafe side, on which a cell "
        "needs more than was predicted."
    )
    return [
        f"## How right the predictions are\n\n{explanation}",
        tables.summary_table(pairs),
        tables.fits_sentence(pairs),
        tables.outside_sentence(pairs),
        _section("By method", tables.by_method_table(pairs), level=3),
        _section("By model", tables.by_model_table(pairs), level=3),
        _section("Cell by cell", tables.cells_table(pairs), level=3),
        _section("What did not fit, failed, or has one side alone", tables.unpaired_table(pairs)),
    ]


def _section(title: str, text: str, level: int = 2) -> str:
    return f"{'#' * level} {title}\n\n{text}" if text else ""


def _introduction(records: Sequence[Record], date: str) -> str:
    measured = [record for record in records if record.meter != PREDICT]
    predicted = len(records) - len(measured)
    lines = [
        f"- published: {date}; measured: {_values(measured, 'finished_at') or 'at an unknown time'}",
        f"- hardware: {_hardware(measured)}",
        f"- versions: {', '.join(_versions(measured)) or 'unknown'}",
        f"- commit: {_commits(measured)}",
        f"- weights: {', '.join(sorted({record.weights for record in measured if record.weights})) or 'unknown'}",
        f"- records: {len(measured)} measured and {predicted} predicted, in [ledger.jsonl](ledger.jsonl)",
    ]
    return "\n".join(lines)


def _hardware(measured: Sequence[Record]) -> str:
    totals = [record.env["gpu_total_bytes"] for record in measured if record.env.get("gpu_total_bytes")]
    gpu = next((record.gpu for record in measured if record.gpu), "no GPU")
    memory = f" with {format_bytes(totals[0])}" if totals else ""
    return f"{gpu}{memory}; {_values(measured, 'cpu') or 'unknown CPU'}"


def _versions(measured: Sequence[Record]) -> list[str]:
    found = [(name.replace("_", " "), _values(measured, name)) for name in _VERSIONS]
    return [f"{name} {value}" for name, value in found if value]


def _values(measured: Sequence[Record], name: str) -> str:
    """What the records say under a name of ``env``: one value, or the first and the last of several."""
    found = sorted({str(record.env[name]) for record in measured if record.env.get(name) is not None})
    return " to ".join(dict.fromkeys([found[0], found[-1]])) if found else ""


def _commits(measured: Sequence[Record]) -> str:
    found = {(record.env["commit"], bool(record.env.get("dirty"))) for record in measured if record.env.get("commit")}
    named = [f"{commit}{' with uncommitted changes' if dirty else ''}" for commit, dirty in sorted(found)]
    return ", ".join(named) or "unknown"


def _traces(traces: Kept) -> str:
    if not traces.kept and not traces.left_out:
        return ""
    kept = f"{_histories(len(traces.kept))} kept as test data."
    if not traces.left_out:
        return kept
    return f"{kept} Left out, as there was no room, largest first: {', '.join(map(_named, traces.left_out))}."


def _named(path: Path) -> str:
    return f"{path.name} ({format_bytes(path.stat().st_size)})"


def _histories(count: int) -> str:
    return "1 history" if count == 1 else f"{count} histories"
