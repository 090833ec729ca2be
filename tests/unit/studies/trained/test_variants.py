"""Plans of variants and their cells."""

from __future__ import annotations

from ladderscope.studies.trained.variants import Plan, predicted_cells, trained_cells, variant

PLAN = Plan(
    variants=(variant("a", (4, 8), gate="none"), variant("b", (8,), taps="every:2", gate="none")), seeds=(0, 1)
)


def test_a_variant_has_one_text_for_its_settings() -> None:
    assert PLAN.variants[1].settings == "gate=none taps=every:2"
    assert variant("c", (4,), output_gain=8.0).settings == "output_gain=8.0"


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
    part = PLAN.part(("b",), reductions=(8,), seeds=(1,))
    assert trained_cells(part) == [trained_cells(PLAN)[-1]]
    assert part.reference.name == "b"
    assert PLAN.named(("b", "a")) == PLAN.variants
