from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import pytest
from rich.console import Console

from ladderscope.records import BREAKDOWN_CATEGORIES, FLOP_COMPONENTS, RankMemory, Record
from ladderscope.report import print_records
from ladderscope.report.labels import distinct_labels
from ladderscope.report.palette import CATEGORY_COLOURS, COMPONENT_COLOURS, METHOD_COLOURS, method_colour
from ladderscope.report.provenance import CATEGORY_MEANINGS
from ladderscope.report.tables import result_columns
from ladderscope.units import MIB

RecordFactory = Callable[..., Record]


def printed(records: list[Record], width: int) -> str:
    output = io.StringIO()
    print_records(records, Console(file=output, width=width))
    return output.getvalue()


def test_a_label_names_method_width_and_length(make_record: RecordFactory) -> None:
    records = [make_record("qlora", seq_len=256), make_record("ladder", seq_len=512), make_record("full")]

    assert distinct_labels(records) == ["qlora r=8, 256 tokens", "ladder 1/8, 512 tokens", "full, 256 tokens"]


def test_a_label_always_says_that_there_are_several_gpus(make_record: RecordFactory) -> None:
    one = make_record("full")
    records = [dataclasses.replace(one, cell=dataclasses.replace(one.cell, parallel="fsdp", num_gpus=8)), one]

    assert distinct_labels(records) == ["full, 256 tokens, fsdp x8", "full, 256 tokens"]
    assert distinct_labels(records[:1]) == ["full, 256 tokens, fsdp x8"]


def test_the_rank_that_needs_least_has_a_column_where_there_are_several(make_record: RecordFactory) -> None:
    ranks = [
        RankMemory(rank=rank, peak_allocated_bytes=peak, peak_reserved_bytes=None, states_bytes={})
        for rank, peak in enumerate((7 * MIB, 5 * MIB))
    ]
    by_header = {column.header: column.cells for column in result_columns([make_record("full", ranks=ranks)])}

    assert by_header["lowest\nrank's peak"] == ["5.00 MiB"]
    assert "lowest\nrank's peak" not in {column.header for column in result_columns([make_record("full")])}


def test_namesakes_are_told_apart_by_what_differs(make_record: RecordFactory) -> None:
    records = [make_record("qlora", seed=0), make_record("qlora", seed=1)]

    assert distinct_labels(records) == ["qlora r=8, 256 tokens (seed 0)", "qlora r=8, 256 tokens (seed 1)"]


def test_a_prediction_always_says_that_it_is_one(
    make_record: RecordFactory, make_predicted: Callable[[Record], Record]
) -> None:
    measured = make_record("qlora")
    prediction = make_predicted(measured)

    assert distinct_labels([prediction]) == ["qlora r=8, 256 tokens (predicted)"]
    assert distinct_labels([measured, prediction])[0] == "qlora r=8, 256 tokens (measured)"


@pytest.mark.parametrize("width", [40, 80, 160])
def test_the_table_stays_inside_the_terminal(sample_records: list[Record], width: int) -> None:
    lines = printed(sample_records, width).splitlines()

    assert max(len(line) for line in lines) <= width


def test_at_80_columns_every_cell_is_one_line_with_its_peak(sample_records: list[Record]) -> None:
    lines = printed(sample_records, 80).splitlines()

    (ladder,) = (line for line in lines if line.strip().startswith("ladder 1/8, 512 tokens"))
    (failed,) = (line for line in lines if line.strip().startswith("full, 512 tokens"))
    assert "682 MiB" in ladder
    assert "oom" in failed


def test_at_80_columns_a_prediction_has_its_peaks_and_no_columns_that_nothing_fills(
    make_record: RecordFactory, make_predicted: Callable[[Record], Record]
) -> None:
    memory = make_record("qlora").memory
    assert memory is not None
    reserved = dataclasses.replace(memory, peak_reserved_bytes=2**30, peak_rss_bytes=None)
    one = dataclasses.replace(make_predicted(make_record("qlora")), memory=reserved, gpu="rtx-3060-12gb")
    one = dataclasses.replace(one, step_seconds=[], eval_loss=None)
    table, _, hidden = printed([one], 80).partition("Not shown")

    assert "1.00 GiB" in table
    assert "for rtx-3060-12gb)" in table
    assert not any(word in table + hidden for word in ("seconds", "RSS", "loss"))


def test_a_wide_terminal_shows_more_columns(sample_records: list[Record]) -> None:
    assert "trainable" not in printed(sample_records, 80).split("Not shown")[0]
    assert "trainable" in printed(sample_records, 200).split("Not shown")[0]


def test_errors_of_cells_that_share_a_label_are_told_apart(make_record: RecordFactory) -> None:
    records = [dataclasses.replace(make_record("qlora", seed=seed), status="error", error="no") for seed in (0, 1)]

    text = " ".join(printed(records, 160).split())
    assert "256 tokens, seed 0: error: no" in text
    assert "256 tokens, seed 1: error: no" in text


def test_losses_on_random_weights_are_marked(make_record: RecordFactory) -> None:
    record = dataclasses.replace(make_record("qlora"), weights="random")

    assert "says nothing about a method" in printed([record], 80)


def test_no_records_is_not_an_error() -> None:
    assert printed([], 80) == "No records.\n"


def test_every_category_and_component_has_a_colour_and_a_meaning() -> None:
    assert tuple(CATEGORY_COLOURS) == BREAKDOWN_CATEGORIES
    assert tuple(CATEGORY_MEANINGS) == BREAKDOWN_CATEGORIES
    assert tuple(COMPONENT_COLOURS) == FLOP_COMPONENTS


def test_methods_have_distinct_colours_and_an_unknown_one_keeps_its_own() -> None:
    assert len(set(METHOD_COLOURS.values())) == len(METHOD_COLOURS)
    assert method_colour("my-method") == method_colour("my-method")


def test_an_error_is_named_by_what_tells_its_record_from_those_without(make_record: RecordFactory) -> None:
    lost = make_record("qlora", seed=1, status="error", error="no luck")
    cell = lost.cell.label
    assert f"{cell}, seed 1: error: no luck" in printed([make_record("qlora", seed=0), lost], width=120)


def test_random_weights_are_named_where_there_is_a_loss_of_them(make_record: RecordFactory) -> None:
    said = "Random weights: the loss says nothing about a method."
    measured = dataclasses.replace(make_record("full"), weights="random")
    predicted = dataclasses.replace(measured, meter="predict", gpu="t4-16gb", loss=[], eval_loss=None)
    assert said in printed([measured], 120)
    assert said not in printed([predicted], 120)
