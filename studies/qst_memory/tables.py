"""The tables of the README."""

from __future__ import annotations

from ladderscope.records import Record
from ladderscope.studies.bases import basis_of
from ladderscope.studies.findings import NOTHING, Table, Value

from .published import FIGURE_1A, LARGEST, PARTS, PUBLISHED, SHAPES, TABLE_1, TABLE_2, Published
from .sizes import DECIDES, GB, OTHER, Found, Pair, gigabytes, pairs_of, places


def tables_of(found: Found, other: Found) -> list[Table]:
    """All of them; ``found`` has adapters in the dtype that decides."""
    return [
        _ratio_table(found, other),
        _values_table(TABLE_2, found, other),
        _values_table(TABLE_1, found, other),
        _parts_table(found),
    ]


def _ratio_table(found: Found, other: Found) -> Table:
    pairs, beside = pairs_of(found), pairs_of(other)
    rows: list[list[str | Value]] = []
    for place in places():
        pair = pairs.get(place)
        if pair is not None:
            given = Value(f"{pair.published:.2f}", "published")
            rows.append([*place, given, *_ratio_cells(pair), *_ratio_cells(beside.get(place))])
    columns = ["where", "model", "published", *_twice("ours")]
    return Table("QLoRA's memory over QST's", columns, rows)


def _twice(what: str) -> list[str]:
    return [f"{what}, {DECIDES}", "off by", f"{what}, {OTHER}", "off by"]


def _ratio_cells(pair: Pair | None) -> list[str | Value]:
    return [NOTHING, NOTHING] if pair is None else [Value(f"{pair.own:.2f}", pair.basis), f"{pair.off:+.0%}"]


def _values_table(where: str, found: Found, other: Found) -> Table:
    batch, tokens = SHAPES[where]
    rows = [_values_row(one, found.get(one), other.get(one)) for one in PUBLISHED if one.where == where]
    columns = ["model", "method", "published GB", *_twice("our GB"), "trained, published", "trained, ours"]
    return Table(f"Memory of {where}: {batch} x {tokens} tokens", columns, rows)


def _values_row(one: Published, record: Record | None, other: Record | None) -> list[str | Value]:
    share = NOTHING if one.share is None else Value(f"{one.share:.2f}%", "published")
    trained = record.params if record else None
    own_share = f"{trained.trainable / (trained.total - trained.trainable):.2%}" if trained else NOTHING
    sizes = [cell for record_ in (record, other) for cell in _size_cells(one, record_)]
    return [one.model, one.method, Value(f"{one.gb:g}", "published"), *sizes, share, own_share]


def _size_cells(one: Published, record: Record | None) -> list[str | Value]:
    if record is None:
        return [NOTHING, NOTHING]
    own = gigabytes(record)
    return [Value(f"{own:.1f}", basis_of(record)), f"{own / one.gb - 1:+.0%}"]


def _parts_table(found: Found) -> Table:
    rows = [
        [one.method, *_parts(one.method), *_own_parts(record)]
        for one, record in found.items()
        if one.where == FIGURE_1A
    ]
    names = ("weights", "optimizer and gradients", "activations and all else")
    columns = ["method", *(f"{name}, published" for name in names), *(f"{name}, ours" for name in names)]
    note = (
        f"The published bars were read off the figure. Ours are parts of the allocated peak, with adapters in "
        f"{DECIDES}; weights hold all."
    )
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
