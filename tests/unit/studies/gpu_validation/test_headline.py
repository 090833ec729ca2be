from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ladderscope.records import Cell, Record
from studies.gpu_validation.headline import LEAN, headline, is_headline, variant_name
from studies.gpu_validation.headline_tables import (
    changes_table,
    goals_table,
    headlines,
    measured_headline,
    methods_table,
    predicted_headline,
)

Make = Callable[..., Record]
MakeCell = Callable[..., Cell]
LLAMA = "llama-2-7b"


@pytest.fixture
def measured_7b(make_cell: MakeCell, measured: Make) -> list[Record]:
    """qlora without and with checkpointing, and a ladder that reaches every target."""
    return [
        measured(make_cell("qlora"), 20.0, 22.0, seconds=1.0),
        measured(make_cell("qlora", gradient_checkpointing=True), 7.0, 9.0, seconds=1.25),
        measured(make_cell("ladder"), 5.0, 6.0, seconds=0.4),
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"seq_len": 512},
        {"batch_size": 2},
        {"optimizer": "adamw-8bit"},
        {"model": "random:llama-3.2-1b"},
        {"method": "full"},
        {"method": "ladder", "gradient_checkpointing": True},
    ],
)
def test_other_cells_are_no_headline(make_cell: MakeCell, settings: dict[str, Any]) -> None:
    assert is_headline(make_cell())
    assert not is_headline(make_cell(**settings))


def test_a_row_has_memory_time_and_ratios_over_both_qloras(measured_7b: list[Record]) -> None:
    rows = methods_table(headline(measured_7b, LLAMA)).splitlines()
    assert "| ladder 1/8 | 5.00 | 6.00 | 0.4000 | 5,120 | 0.250 | 0.714 | 2.500 | 3.125 |" in rows
    assert "| qlora r=16, checkpointing | 7.00 | 9.00 | 1.2500 | 1,638 | 0.350 | 1.000 | 0.800 | 1.000 |" in rows


def test_a_row_is_held_against_qlora_with_the_same_loss(
    make_cell: MakeCell, measured: Make, measured_7b: list[Record]
) -> None:
    chunked = [
        measured(make_cell("qlora", loss_impl="chunked"), 10.0),
        measured(make_cell("ladder", loss_impl="chunked"), 4.0, 5.0, seconds=0.5),
    ]
    (row,) = _rows_of("ladder 1/8, chunked loss", methods_table(headline([*measured_7b, *chunked], LLAMA)))
    assert row == "| ladder 1/8, chunked loss | 4.00 | 5.00 | 0.5000 | 4,096 | 0.400 | – | 2.000 | – |"


def test_sizes_and_settings_of_a_method_have_rows_of_their_own(make_cell: MakeCell) -> None:
    assert variant_name(make_cell("ladder", reduction_factor=16, settings=LEAN)) == "ladder 1/16, lean"
    assert variant_name(make_cell("ladder", settings="gate=none")) == "ladder 1/8, gate=none"
    assert variant_name(make_cell("qlora", adapter_dtype="bf16")) == "qlora r=16, bf16 adapters"


def test_adapters_in_bf16_are_held_against_qlora_with_adapters_in_bf16(
    make_cell: MakeCell, measured: Make, measured_7b: list[Record]
) -> None:
    in_bf16 = [
        measured(make_cell("qlora", adapter_dtype="bf16"), 15.0),
        measured(make_cell("ladder", adapter_dtype="bf16"), 4.5, 5.0, seconds=0.5),
    ]
    (row,) = _rows_of("ladder 1/8, bf16 adapters", methods_table(headline([*measured_7b, *in_bf16], LLAMA)))
    assert row == "| ladder 1/8, bf16 adapters | 4.50 | 5.00 | 0.5000 | 4,096 | 0.300 | – | 2.000 | – |"


def test_lean_is_what_the_preset_is() -> None:
    from ladderscope.methods.settings import parse_settings
    from ladderscope.methods.side import LadderConfig

    lean, default = LadderConfig.lean(), LadderConfig()
    changed = {name for name, value in vars(lean).items() if value != getattr(default, name)}
    assert changed == {*parse_settings(LEAN), "reduction_factor", "loss_impl"}
    assert all(getattr(lean, name) == value for name, value in parse_settings(LEAN).items())


def _rows_of(name: str, table: str) -> list[str]:
    return [line for line in table.splitlines() if line.startswith(f"| {name} |")]


def test_targets_are_met_to_the_bound(measured_7b: list[Record]) -> None:
    (row,) = _rows_of("ladder 1/8", goals_table(headline(measured_7b, LLAMA)))
    assert row == "| ladder 1/8 | 0.250, met | 0.714, met | 2.500, met | 6.000, met |"


def test_targets_are_missed_behind_it(make_cell: MakeCell, measured: Make, measured_7b: list[Record]) -> None:
    slow = measured(make_cell("ladder"), 7.0, 8.01, seconds=0.51)
    (row,) = _rows_of("ladder 1/8", goals_table(headline([*measured_7b[:2], slow], LLAMA)))
    assert row == "| ladder 1/8 | 0.350, missed | 1.000, missed | 1.961, missed | 8.010, missed |"


def test_each_model_has_its_own_table(make_cell: MakeCell, measured: Make, measured_7b: list[Record]) -> None:
    qwen = measured(make_cell("ladder", model="random:qwen2.5-7b"), 5.5, 6.0)
    (row,) = _rows_of("ladder 1/8", goals_table(headline([*measured_7b, qwen], "qwen2.5-7b")))
    assert row == "| ladder 1/8 | not measured | not measured | not measured | 6.000, met |"
    assert "5.50" not in measured_headline([*measured_7b, qwen], LLAMA)


def test_predictions_and_cpus_are_never_shown_as_measured(
    make_cell: MakeCell, measured: Make, predicted: Make, measured_7b: list[Record]
) -> None:
    others = [
        predicted(make_cell("lora"), 33.0, step_seconds=[1.0], tokens_per_step=2048),
        measured(make_cell("qst"), 44.0, meter="cpu", gpu=None),
        measured(make_cell("lst"), 55.0, status="oom"),
    ]
    text = measured_headline([*measured_7b, *others], LLAMA)
    assert text.startswith("### llama-2-7b, measured")
    assert not any(number in text for number in ("33.00", "44.00", "55.00"))
    alone = predicted_headline([*measured_7b, *others], LLAMA)
    assert alone.startswith("### llama-2-7b, predicted")
    assert "| lora r=16 | 33.00 | 22.00 | – | – |" in alone
    assert "tokens/s" not in alone
    only_predicted = measured_headline(others, LLAMA)
    assert only_predicted == "### llama-2-7b, measured\n\nNot measured."


def test_predicted_records_answer_no_target(make_cell: MakeCell, predicted: Make) -> None:
    from ladderscope.records import PREDICT

    found = headline([predicted(make_cell("qlora")), predicted(make_cell("ladder"), 1.0)], LLAMA, PREDICT)
    assert len(found.records) == 2
    assert goals_table(found) == ""


def test_headlines_put_what_was_measured_first(make_cell: MakeCell, predicted: Make) -> None:
    text = headlines([predicted(make_cell())])
    titles = [line for line in text.splitlines() if line.startswith("###")]
    assert titles == ["### llama-2-7b, measured", "### qwen2.5-7b, measured", "### llama-2-7b, predicted"]


def test_changes_compare_cells_that_differ_in_one_setting(
    make_cell: MakeCell, measured: Make, predicted: Make, measured_7b: list[Record]
) -> None:
    chunked = measured(make_cell("ladder", loss_impl="chunked"), 4.0, 4.5, seconds=0.5)
    eight_bit = measured(make_cell("qlora", optimizer="adamw-8bit"), 19.0, 22.0)
    alone = measured(make_cell("qst", optimizer="adamw-8bit"), 1.0)
    lines = changes_table([*measured_7b, chunked, eight_bit, alone, predicted(make_cell("qst"))]).splitlines()
    name = "llama-2-7b ladder 1/8, 2,048 tokens, nf4-dq"
    assert lines[2:] == [
        f"| chunked loss | {name} | 5.00 → 4.00 | 0.800 | 6.00 → 4.50 | 0.750 | 0.800 |",
        "| 8-bit AdamW | llama-2-7b qlora r=16, 2,048 tokens, nf4-dq | 20.00 → 19.00 | 0.950 | 22.00 → 22.00 | 1.000 "
        "| 1.000 |",
    ]
    assert changes_table(measured_7b) == ""
