"""Published gigabytes beside predicted ones, and their ratios."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ladderscope.memory.predict.gpus import CONTEXT_BYTES
from ladderscope.records import Record
from ladderscope.studies.chosen import basis_of, chosen, peak_reserved
from ladderscope.studies.findings import NOTHING, Answer, Basis, Findings, Table, Value, Verdict

from .plots import pairs_figure
from .published import FIGURE_1A, LARGEST, PARTS, PUBLISHED, SHAPES, TABLE_1, TABLE_2, Published

GPU = "1024GiB:sm86"
GB = 10**9
CLOSE = 0.25
FACTORS = {"factor-2.3": 2.3, "factor-7": 7.0}
FACTOR_SLACK = 0.1
TOO_LARGE = "QLoRA's adapters are in fp32 here and in bf16 there, which makes its memory larger here."
Found = dict[Published, Record]


def analyse(records: Sequence[Record]) -> Findings:
    """A pure function of the committed ledger."""
    best = list(chosen(records, GPU).values())
    found = {one: record for one in PUBLISHED for record in best if _is_of(record, one)}
    ratios = {place: list(_ratios(found, *place)) for place in _places()}
    verdicts = [_pairs(ratios), _factor_qlora(ratios), _factor_full(found), _gigabytes(found)]
    tables = [_ratio_table(ratios), _values_table(TABLE_2, found), _values_table(TABLE_1, found), _parts_table(found)]
    return Findings(verdicts, tables, [pairs_figure(ratios)])


def gigabytes(record: Record) -> float:
    """What nvidia-smi would show, as predicted."""
    return (peak_reserved(record) + CONTEXT_BYTES) / GB


def _is_of(record: Record, one: Published) -> bool:
    cell = record.cell
    shape = (cell.batch_size, cell.seq_len)
    return (cell.model, cell.method, shape) == (f"random:{one.model}", one.method, SHAPES[one.where])


def _places() -> list[tuple[str, str]]:
    """Where and model of every published QST value."""
    return [(one.where, one.model) for one in PUBLISHED if one.method == "qst"]


def _ratios(found: Found, where: str, model: str) -> Iterator[tuple[float, float, Basis]]:
    """QLoRA over QST: published, found, and from what."""
    sizes = {one.method: (one, record) for one, record in found.items() if (one.where, one.model) == (where, model)}
    if "qlora" in sizes and "qst" in sizes:
        (old, other), (new, side) = sizes["qlora"], sizes["qst"]
        yield old.gb / new.gb, gigabytes(other) / gigabytes(side), basis_of(side)


def _pairs(ratios: dict[tuple[str, str], list[tuple[float, float, Basis]]]) -> Verdict:
    of_table = {model: found[0] for (where, model), found in ratios.items() if where == TABLE_2 and found}
    if len(of_table) < sum(where == TABLE_2 for where, _ in ratios):
        return Verdict("pairs", "cannot tell", "A cell is missing.", None)
    off = {model: own / published - 1 for model, (published, own, _) in of_table.items()}
    worst = max(off, key=lambda model: abs(off[model]))
    owns = [own for _, own, _ in of_table.values()]
    why = (
        f"QLoRA over QST is {min(owns):.2f} to {max(owns):.2f}; the pair that is furthest from its published ratio is "
        f"{worst}, by {off[worst]:+.0%}. {TOO_LARGE}"
    )
    return Verdict("pairs", _answer(abs(off[worst]) <= CLOSE), why, of_table[worst][2])


def _factor_qlora(ratios: dict[tuple[str, str], list[tuple[float, float, Basis]]]) -> Verdict:
    known = {place: found[0] for place, found in ratios.items() if found}
    if len(known) < len(ratios):
        return Verdict("factor-2.3", "cannot tell", "A cell is missing.", None)
    where, model = max(known, key=lambda place: known[place][1])
    _, own, basis = known[where, model]
    verdict = _factor("factor-2.3", own, f"QLoRA over QST is largest for {model} of {where}", basis)
    return dataclasses.replace(verdict, why=f"{verdict.why} {TOO_LARGE}")


def _factor_full(found: Found) -> Verdict:
    sizes = {one.method: record for one, record in found.items() if one.where == FIGURE_1A}
    if not {"full", "qst"} <= sizes.keys():
        return Verdict("factor-7", "cannot tell", "A cell is missing.", None)
    own = gigabytes(sizes["full"]) / gigabytes(sizes["qst"])
    return _factor("factor-7", own, f"Full fine-tuning over QST for {LARGEST}", basis_of(sizes["qst"]))


def _factor(claim: str, own: float, what: str, basis: Basis) -> Verdict:
    least = FACTORS[claim] * (1 - FACTOR_SLACK)
    return Verdict(claim, _answer(own >= least), f"{what}: {own:.2f} times; the rule asks for {least:.2f}.", basis)


def _gigabytes(found: Found) -> Verdict:
    of_tables = {one: record for one, record in found.items() if one.where in (TABLE_1, TABLE_2)}
    if not of_tables:
        return Verdict("gigabytes", "cannot tell", "A cell is missing.", None)
    off = {one: gigabytes(record) / one.gb - 1 for one, record in of_tables.items()}
    close = sum(abs(value) <= CLOSE for value in off.values())
    worst = max(off, key=lambda one: abs(off[one]))
    why = (
        f"{close} of {len(off)} values are within {CLOSE:.0%}; the furthest is {worst.method} on {worst.model} of "
        f"{worst.where}, {gigabytes(of_tables[worst]):.1f} GB where {worst.gb} are published."
    )
    return Verdict("gigabytes", _answer(close == len(off)), why, basis_of(of_tables[worst]))


def _answer(holds: bool) -> Answer:
    return "reproduced" if holds else "not reproduced"


def _ratio_table(ratios: dict[tuple[str, str], list[tuple[float, float, Basis]]]) -> Table:
    rows: list[list[str | Value]] = [
        [
            where,
            model,
            Value(f"{published:.2f}", "published"),
            Value(f"{own:.2f}", basis),
            f"{own / published - 1:+.0%}",
        ]
        for (where, model), found in ratios.items()
        for published, own, basis in found
    ]
    return Table("QLoRA's memory over QST's", ["where", "model", "published", "ours", "off by"], rows)


def _values_table(where: str, found: Found) -> Table:
    batch, tokens = SHAPES[where]
    rows = [_values_row(one, found.get(one)) for one in PUBLISHED if one.where == where]
    columns = ["model", "method", "published GB", "ours, GB", "off by", "trained, published", "trained, ours"]
    return Table(f"Memory of {where}: {batch} x {tokens} tokens", columns, rows)


def _values_row(one: Published, record: Record | None) -> list[str | Value]:
    share = NOTHING if one.share is None else Value(f"{one.share:.2f}%", "published")
    row: list[str | Value] = [one.model, one.method, Value(f"{one.gb:g}", "published")]
    if record is None:
        return [*row, NOTHING, NOTHING, share, NOTHING]
    own, trained = gigabytes(record), record.params
    own_share = f"{trained.trainable / (trained.total - trained.trainable):.2%}" if trained else NOTHING
    return [*row, Value(f"{own:.1f}", basis_of(record)), f"{own / one.gb - 1:+.0%}", share, own_share]


def _parts_table(found: Found) -> Table:
    rows = [
        [one.method, *_parts(one.method), *_own_parts(record)]
        for one, record in found.items()
        if one.where == FIGURE_1A
    ]
    names = ("weights", "optimizer and gradients", "activations and all else")
    columns = ["method", *(f"{name}, published" for name in names), *(f"{name}, ours" for name in names)]
    note = "The published bars were read off the figure. Ours are parts of the allocated peak; weights hold all."
    return Table(f"Figure 1a: GB of {LARGEST} at 16 x 384 tokens", columns, rows, note)


def _parts(method: str) -> list[str | Value]:
    parts = PARTS[method]
    return [Value(f"{gb:g}", "published") for gb in (parts.weights, parts.optimizer, parts.activations)]


def _own_parts(record: Record) -> list[str | Value]:
    assert record.memory is not None
    breakdown, basis = record.memory.breakdown_bytes, basis_of(record)
    weights = sum(breakdown.get(name, 0) for name in ("weights", "quantization_state", "adapter_weights"))
    # At the peak gradients need not be there yet, or no more: the paper counts them with the optimizer.
    optimizer = sum(breakdown.get(name, 0) for name in ("optimizer_state", "gradients"))
    rest = record.memory.peak_allocated_bytes - weights - optimizer
    return [Value(f"{size / GB:.1f}", basis) for size in (weights, optimizer, rest)]
