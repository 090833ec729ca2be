"""The sizes and cells of the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="module")
def plan(module: Callable[[str], Any]) -> Any:
    return module("plan")


def test_every_size_of_every_method_runs_once_for_each_seed_on_each_backbone(plan: Any) -> None:
    cells = plan.cells_of(plan.WHOLE)
    assert len({cell.cell_id for cell in cells}) == len(cells) == 180
    assert Counter(cell.method for cell in cells) == {
        "qlora": 36 + 12,
        "lora": 36,
        **dict.fromkeys(("ladder", "xladder", "qst", "lst"), 24),
    }
    assert {(cell.steps, cell.seq_len, cell.batch_size, cell.data) for cell in cells} == {(48, 256, 2, "gsm-symbolic")}


def test_alpha_grows_with_the_rank_in_the_cells_that_ask_for_it_and_equals_the_default_at_rank_8(plan: Any) -> None:
    from ladderscope.methods.lora import ALPHA, lora_config

    scaled = [cell for cell in plan.cells_of(plan.WHOLE) if plan.method_of(cell) == plan.SCALED]
    assert {(cell.rank, lora_config(cell).lora_alpha) for cell in scaled} == {(1, 2), (32, 64)}
    assert 2 * plan.USUAL_RANK == ALPHA


def test_reductions_are_all_that_leave_a_head_an_even_number_of_channels(plan: Any) -> None:
    for backbone in plan.BACKBONES:
        head = backbone.width // backbone.heads
        possible = [r for r in range(2, head + 1) if head % r == 0 and head // r % 2 == 0]
        assert sorted(plan.REDUCTIONS) == possible


def test_a_quick_run_is_a_part_of_the_whole_with_all_sizes(plan: Any) -> None:
    whole, quick = (set(plan.cells_of(plan.plan_of(quick=q))) for q in (False, True))
    assert quick < whole
    assert len(quick) == len(plan.RANKS) + len(plan.REDUCTIONS)


def test_cells_have_the_settings_of_scaling_slopes(plan: Any) -> None:
    """So what is known of one study's runs may be read beside the other's."""
    from ladderscope.studies.folder import find_study

    from .conftest import STUDIES

    find_study(STUDIES, "scaling_slopes").analyse([])
    import sys

    family = sys.modules["ladderscope_study_scaling_slopes_analysis.family"]

    def settings(cells: Any) -> set[tuple[Any, ...]]:
        return {
            (c.model, c.method, c.steps, c.seq_len, c.batch_size, c.dtype, c.quantization, c.lr, c.optimizer, c.data)
            for c in cells
        }

    assert settings(plan.cells_of(plan.WHOLE)) <= settings(family.cells_of(family.WHOLE))
