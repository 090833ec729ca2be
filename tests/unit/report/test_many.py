from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from ladderscope.records import Record
from ladderscope.report import print_records
from ladderscope.report.data import collect
from ladderscope.report.figures.bars import MAX_BARS, Stack, draw_bars, shown
from ladderscope.report.folder import write_report
from ladderscope.report.headline import headline
from ladderscope.report.many import MOST_RUNS, PAGE_ROWS, evenly, grouped, runs_of_curves
from ladderscope.report.provenance import environment
from ladderscope.report.summary import error_columns, summary_of

RecordFactory = Callable[..., Record]
MIB = 2**20


def with_peak(record: Record, mib: int) -> Record:
    assert record.memory is not None
    return dataclasses.replace(record, memory=dataclasses.replace(record.memory, peak_allocated_bytes=mib * MIB))


@pytest.fixture
def many(make_record: RecordFactory, make_failed: RecordFactory) -> list[Record]:
    """More records than a page has rows: two methods at two lengths with many seeds, some of them failed."""
    seeds = range(PAGE_ROWS // 4 + 1)
    kinds = itertools.product(("qlora", "ladder"), (128, 256), seeds)
    ran = [make_record(method, seq_len=length, seed=seed, steps=2) for method, length, seed in kinds]
    lost = make_failed("full", 512, "oom", "CUDA out of memory")
    return [*ran, lost]


@pytest.mark.parametrize(
    ("most", "chosen"), [(2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10))), (99, list(range(10)))]
)
def test_evenly_spaced_items_hold_the_first_and_the_last(most: int, chosen: list[int]) -> None:
    assert evenly(range(10), most) == chosen


def test_records_are_grouped_by_what_a_row_of_a_table_says(make_record: RecordFactory) -> None:
    base = make_record("qlora", seq_len=128)
    apart = [
        make_record("ladder", seq_len=128),
        make_record("qlora", seq_len=256),
        dataclasses.replace(base, gpu="NVIDIA T4"),
        dataclasses.replace(base, meter="predict"),
        dataclasses.replace(base, cell=dataclasses.replace(base.cell, parallel="ddp", num_gpus=2)),
    ]
    alike = [dataclasses.replace(base, cell=dataclasses.replace(base.cell, seed=1, lr=1.0)), base]
    # A rank and a reduction make one label or another, and not both count.
    also = dataclasses.replace(base, cell=dataclasses.replace(base.cell, reduction_factor=8))

    assert grouped([base, *apart, *alike, also]) == [[base, *alike, also], *([one] for one in apart)]


def test_an_environment_is_told_with_all_its_values_whatever_they_are(make_record: RecordFactory) -> None:
    first = {"torch": "2.13.0", "dirty": True, "cpu_threads": 1, "commit": None, "gpu": {"name": "T4", "bytes": 16}}
    second = {"torch": "2.12.0", "dirty": True, "cpu_threads": 2}
    records = [dataclasses.replace(make_record("qlora"), env=env) for env in (first, second)]

    assert environment(records) == {
        "cpu_threads": "1, 2",
        "dirty": "True",
        "gpu.bytes": "16",
        "gpu.name": "T4",
        "torch": "2.12.0, 2.13.0",
    }


def test_a_group_has_its_median_over_the_cells_that_ended_well(
    make_record: RecordFactory, make_failed: RecordFactory
) -> None:
    peaks = [with_peak(make_record("qlora", seed=seed), mib) for seed, mib in enumerate((100, 700, 300))]
    failed = dataclasses.replace(make_failed("qlora", 256, "oom", "no room"), cell=peaks[0].cell)

    summary = summary_of([*peaks, failed, make_record("ladder")], 500)
    table = {column.header.replace("\n", " "): column.cells for column in summary.columns}

    assert table["cells"] == ["qlora r=8, 256 tokens", "ladder 1/8, 256 tokens"]
    assert table["records"] == ["4", "1"]
    assert table["ok"] == ["3", "1"]
    assert table["peak allocated"][0] == "300 MiB"
    assert table["lowest to highest"][0] == "100 MiB to 700 MiB"
    assert summary.sentence.startswith("5 records are summed up by model, method and length")
    assert "2 groups; `ladderscope ledger export` has a row for each" in summary.sentence


def test_more_groups_than_rows_are_counted(make_record: RecordFactory) -> None:
    summary = summary_of([make_record("full", seq_len=length) for length in range(1, 8)], 3)

    assert len(summary.columns[0].cells) == 3
    assert "the first 3 of 7 groups" in summary.sentence


def test_errors_come_by_frequency_with_a_cell_that_met_them(make_failed: RecordFactory) -> None:
    failed = [make_failed("lst", 64, "error", "a"), *(make_failed("full", n, "oom", "b") for n in (128, 256))]

    columns = {column.header: column.cells for column in error_columns(failed, 500)}

    assert columns["cells"] == ["2", "1"]
    assert columns["error"] == ["b", "a"]
    assert columns["such as"][0] == "smollm2-135m full 128 tokens"


def test_a_page_of_many_records_sums_them_up_and_says_so(many: list[Record], tmp_path: Path) -> None:
    page = write_report(many, tmp_path / "report").with_suffix(".md").read_text()

    results = page.partition("## Results")[2].partition("## Cells without")[0]
    assert f"{len(many)} records are summed up by model, method and length" in results
    assert len([line for line in results.splitlines() if line.startswith("|")]) == 2 + 5
    assert f"Curves and fits are of {MOST_RUNS} of {len(many) - 1} records, evenly spaced" in page
    assert "5 of 505 cells" not in page
    assert "4 of 504 cells are shown, the first of each model, method and length" in page


def test_a_terminal_shows_groups_and_some_errors_of_many_records(
    many: list[Record], make_failed: RecordFactory
) -> None:
    lost = [make_failed("full", length, "oom", f"error {length}") for length in range(1, 31)]
    output = io.StringIO()

    print_records([*many, *lost], Console(file=output, width=120))

    text = output.getvalue()
    assert text.count("oom: ") == 20
    assert "11 more have errors; `ladderscope ledger export` has a row" in " ".join(text.split())
    assert "535 records are summed up" in text


def test_few_records_are_all_drawn_and_of_many_every_method_at_every_length(
    sample_records: list[Record], many: list[Record]
) -> None:
    few, drawn = collect(sample_records), runs_of_curves(many)

    assert few.curves == few.ok
    assert few.on_runs == ""
    assert len(drawn) <= MOST_RUNS
    assert {(r.cell.method, r.cell.seq_len) for r in drawn} == {(r.cell.method, r.cell.seq_len) for r in many}


def test_bars_of_many_cells_are_of_one_of_each_kind(many: list[Record]) -> None:
    kept, remark = shown(many)

    assert [(r.cell.method, r.cell.seq_len) for r in kept] == [
        ("qlora", 128),
        ("qlora", 256),
        ("ladder", 128),
        ("ladder", 256),
        ("full", 512),
    ]
    assert "5 of 505 cells are shown" in remark
    assert len(shown(many[:MAX_BARS])[0]) == MAX_BARS


def test_long_labels_leave_room_for_the_bars(make_record: RecordFactory) -> None:
    long = [dataclasses.replace(make_record("qlora"), meter="predict", gpu="a-gpu-of-a-long-name-" * 4)]

    widths = {}
    for name, records in (("short", [make_record("qlora")]), ("long", long)):
        stack = Stack(parts=[{"weights": 1.0}], totals=["1"], colours={"weights": "#000000"}, axis_label="MiB")
        figure = draw_bars(records, stack)
        figure.draw_without_rendering()
        widths[name] = figure.axes[0].get_position().width * figure.get_figwidth()

    assert min(widths.values()) > 4


def test_the_headline_pairs_the_nearest_sizes_whatever_their_number(make_record: RecordFactory) -> None:
    def sized(method: str, seed: int, trainable: int) -> Record:
        record = make_record(method, seed=0)
        assert record.params is not None
        cell = dataclasses.replace(record.cell, lr=seed * 1e-5)
        return dataclasses.replace(record, cell=cell, params=dataclasses.replace(record.params, trainable=trainable))

    records = [sized("qlora", seed, 1000 + seed % 3) for seed in range(2000)]
    records += [sized("ladder", seed, 500 + seed % 2 * 502) for seed in range(2000)]

    assert any(
        "(1.002 K trained" in sentence and "and qlora r=8 (1.002 K" in sentence
        for sentence in headline(collect(records))
    )
