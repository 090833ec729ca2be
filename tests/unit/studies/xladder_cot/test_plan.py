"""The cells: equal parameters, equal examples, a quick run that is a part of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from ladderscope.measure import count_parameters
from ladderscope.methods import get_method


@pytest.fixture(scope="module")
def plan(module: Callable[[str], Any]) -> Any:
    return module("plan")


def _model(backbone: Any) -> LlamaForCausalLM:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=backbone.vocabulary,
            hidden_size=backbone.width,
            num_hidden_layers=backbone.depth,
            num_attention_heads=backbone.heads,
            intermediate_size=backbone.ffn_width,
            tie_word_embeddings=True,
        )
    )


@pytest.fixture(scope="module")
def trained(plan: Any) -> dict[str, int]:
    """Trained parameters of every arm; adapters of QLoRA do not depend on the format of the weights beside them."""
    found = {}
    for name, arm in plan.ARMS.items():
        cell = plan.cell_of(name, 1, 0, 1)
        torch.manual_seed(0)
        method = get_method("lora" if arm.method == "qlora" else arm.method)
        found[name] = count_parameters(method.build(_model(plan.BACKBONE), cell)).trainable
    return found


def test_side_networks_train_as_many_parameters_within_two_percent(plan: Any, trained: dict[str, int]) -> None:
    assert trained[plan.REFERENCE] == plan.SIDE_PARAMETERS
    for delta in plan.DELTAS:
        assert trained[f"xladder-{delta}"] == pytest.approx(plan.SIDE_PARAMETERS, rel=0.02)


def test_qlora_has_the_rank_that_comes_nearest(plan: Any, trained: dict[str, int]) -> None:
    a_rank = trained["qlora"] // plan.RANK
    assert round(plan.SIDE_PARAMETERS / a_rank) == plan.RANK
    assert trained["qlora"] == pytest.approx(plan.SIDE_PARAMETERS, rel=0.02)


def test_every_arm_gets_the_same_examples(plan: Any) -> None:
    cells = plan.cells_of(plan.WHOLE)
    assert len({cell.cell_id for cell in cells}) == len(cells) == 81
    runs = {
        name: Counter(
            (cell.data, cell.seed, cell.steps, cell.batch_size, cell.seq_len)
            for cell in cells
            if plan.arm_of(cell) == name
        )
        for name in plan.ARMS
    }
    assert all(found == runs[plan.REFERENCE] for found in runs.values())


def test_no_run_is_the_first_part_of_another(plan: Any) -> None:
    cells = [cell for cell in plan.cells_of(plan.WHOLE) if plan.arm_of(cell) == "ladder"]
    assert len({(cell.data, cell.seed) for cell in cells}) == len(cells)


def test_a_quick_run_is_a_part_of_the_whole(plan: Any) -> None:
    whole, quick = (set(plan.cells_of(plan.plan_of(quick=q))) for q in (False, True))
    assert quick < whole
    assert plan.BACKBONE_CELL in quick


def test_every_row_has_the_length_that_its_cell_says(plan: Any, module: Callable[[str], Any]) -> None:
    chains = module("chains")
    for cell in plan.cells_of(plan.WHOLE):
        operations, granularity = chains.chain_of(cell.data)
        problem = chains.test_problems(operations, granularity)[0]
        assert len(f"{problem.prompt} {problem.solution(granularity)} ;".split()) == cell.seq_len
