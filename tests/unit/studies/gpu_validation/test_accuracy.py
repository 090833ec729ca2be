from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.records import Cell, Record
from studies.gpu_validation.accuracy import (
    ALLOCATED,
    RESERVED,
    accuracy_of,
    allocated_bytes,
    flops_per_second,
    flops_per_step,
    ratio_of,
)
from studies.gpu_validation.accuracy_tables import (
    by_method_table,
    by_model_table,
    cells_table,
    fits_sentence,
    outside_sentence,
    summary_table,
    unpaired_table,
)
from studies.gpu_validation.pairs import Pair, pairs_of

Make = Callable[..., Record]
MakePairs = Callable[..., list[Pair]]


@pytest.fixture
def make_pairs(make_cell: Callable[..., Cell], measured: Make, predicted: Make) -> MakePairs:
    """A pair for each ratio of predicted to measured allocated memory, at another length each."""

    def make(*ratios: float, method: str = "qlora", **parts: str | None) -> list[Pair]:
        cells = [make_cell(method, seq_len=512 * (i + 1)) for i in range(len(ratios))]
        sides = [
            record
            for cell, ratio in zip(cells, ratios, strict=True)
            for record in (measured(cell, 10.0, 20.0, **parts), predicted(cell, 10.0 * ratio, 20.0))
        ]
        return pairs_of(sides)

    return make


def test_a_ratio_is_predicted_over_measured(make_pairs: MakePairs) -> None:
    (pair,) = make_pairs(1.25)
    assert ratio_of(pair, allocated_bytes) == pytest.approx(1.25)
    assert ratio_of(pair, flops_per_step) == 1.0
    assert pair.measured is not None
    # Two of three steps take a second; the first, of nine, warms caches up.
    assert flops_per_second(pair.measured) == 10**14
    assert ratio_of(Pair(pair.cell, pair.measured, None), allocated_bytes) is None


def test_an_accuracy_has_the_median_and_the_largest_error_of_both_directions(make_pairs: MakePairs) -> None:
    found = accuracy_of(make_pairs(0.96, 1.0, 1.02), ALLOCATED)
    assert found is not None
    assert found.median_error == pytest.approx(0.02)
    assert found.largest_error == pytest.approx(0.04)
    assert found.below == 1


@pytest.mark.parametrize(
    ("ratios", "is_met"), [((1.0, 1.005, 1.025), True), ((1.0, 1.005, 1.031), False), ((1.011, 1.012, 0.985), False)]
)
def test_a_target_asks_for_median_and_largest(make_pairs: MakePairs, ratios: tuple[float, ...], is_met: bool) -> None:
    found = accuracy_of(make_pairs(*ratios), ALLOCATED)
    assert found is not None
    assert found.is_met is is_met


def test_without_measured_reserved_memory_there_is_no_accuracy(
    make_cell: Callable[..., Cell], measured: Make, predicted: Make
) -> None:
    assert accuracy_of([], RESERVED) is None
    oom = pairs_of([measured(make_cell(), status="oom", memory=None), predicted(make_cell())])
    assert accuracy_of(oom, RESERVED) is None


def test_a_row_has_the_figures_of_its_cell(make_pairs: MakePairs) -> None:
    row = cells_table(make_pairs(1.01)).splitlines()[-1]
    assert row == (
        "| llama-2-7b qlora r=16, 512 tokens, nf4-dq | 10.00 | 1.0100 | 20.00 | 1.0000 | 1.0000 | 512 "
        "| 100 TFLOP/s | 1.0000 |"
    )


def test_the_summary_says_met_or_missed(make_pairs: MakePairs) -> None:
    _, _, allocated, reserved = summary_table(make_pairs(0.9, 1.0, 1.0)).splitlines()
    assert allocated == (
        "| peak allocated | at most 1.00% / 3.00% | missed | 3 | 0.00% | 10.00% | 0.9000 | 1.0000 | 1.0000 | 1 |"
    )
    assert "| met | 3 |" in reserved


def test_what_a_cpu_has_measured_meets_no_target(make_pairs: MakePairs) -> None:
    assert summary_table(make_pairs(1.0, meter="cpu", gpu=None)).count("not measured on a GPU") == 2


def test_groups_show_where_a_wrong_rule_is(make_pairs: MakePairs) -> None:
    both = [*make_pairs(1.0, 1.0), *make_pairs(0.8, method="qst")]
    lines = by_method_table(both).splitlines()
    assert any(line.startswith("| qlora | peak allocated | 2 | 0.00% | 0.00%") for line in lines)
    assert any(line.startswith("| qst | peak allocated | 1 | 20.00% | 20.00%") for line in lines)
    assert "| llama-2-7b | peak allocated | 3 |" in by_model_table(both)


def test_what_has_no_partner_is_listed(make_cell: Callable[..., Cell], measured: Make, predicted: Make) -> None:
    cells = [make_cell(seq_len=tokens) for tokens in (512, 1024, 2048)]
    oom = measured(cells[0], status="oom", memory=None, error="CUDA out of memory")
    pairs = pairs_of([oom, predicted(cells[0]), predicted(cells[1]), measured(cells[2]), predicted(cells[2])])
    text = unpaired_table(pairs)
    assert "512 tokens, nf4-dq | measured: out of memory; predicted: fits | CUDA out of memory |" in text
    assert "1,024 tokens, nf4-dq | not measured |" in text
    assert "2,048" not in text
    assert "on 1 of 2 cells. Predicted and not measured: 1 cell." in fits_sentence(pairs)
    assert unpaired_table(pairs[2:]) == ""


def test_memory_outside_of_the_allocator_stands_beside_the_estimate(make_pairs: MakePairs) -> None:
    assert "500 to 500 MiB, median 500 MiB, over 1 record; predictions take 450 MiB" in outside_sentence(
        make_pairs(1.0)
    )
    assert "was not measured" in outside_sentence([])
