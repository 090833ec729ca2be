"""The cells of a plan of variants."""

from __future__ import annotations

from ladderscope.studies.variants.cells import predicted_cells, trained_cells
from ladderscope.studies.variants.plan import Plan, variant

PLAN = Plan(variants=(variant("a", (4, 8)), variant("b", (8,), taps="every:2")), seeds=(0, 1))


def test_all_of_a_seed_comes_before_the_next_one() -> None:
    cells = trained_cells(PLAN)
    assert [cell.seed for cell in cells] == [0, 0, 0, 1, 1, 1]
    assert [cell.reduction_factor for cell in cells[:3]] == [4, 8, 8]
    assert len({cell.cell_id for cell in cells}) == 6
    assert {cell.tokens_per_step for cell in cells} == {512}


def test_the_same_side_networks_are_predicted_beside_the_large_backbone() -> None:
    cells = predicted_cells(PLAN)
    assert [(c.settings, c.reduction_factor) for c in cells] == [
        (c.settings, c.reduction_factor) for c in trained_cells(PLAN)[:3]
    ]
    assert {(c.model, c.seq_len, c.loss_impl, c.quantization) for c in cells} == {
        ("random:llama-2-7b", 2048, "chunked", "nf4-dq")
    }


def test_a_part_of_a_plan_has_the_same_cells() -> None:
    assert trained_cells(PLAN.part(("b",), reductions=(8,), seeds=(1,))) == [trained_cells(PLAN)[-1]]
