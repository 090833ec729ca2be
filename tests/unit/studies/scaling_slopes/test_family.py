"""The family of backbones and the cells that are trained on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from transformers import LlamaConfig, LlamaForCausalLM


@pytest.fixture(scope="module")
def family(module: Callable[[str], Any]) -> Any:
    return module("family")


def test_six_sizes_from_a_third_of_a_million_to_twenty(family: Any) -> None:
    sizes = [one.parameters for one in family.FAMILY]
    assert len(sizes) >= 6
    assert sizes == sorted(sizes)
    assert 0.3e6 <= sizes[0] < 0.4e6
    assert 15e6 < sizes[-1] <= 20e6


def test_the_number_of_parameters_is_that_of_the_model(family: Any) -> None:
    for one in family.FAMILY[:3]:
        config = LlamaConfig(
            vocab_size=one.vocabulary,
            hidden_size=one.width,
            num_hidden_layers=one.depth,
            num_attention_heads=one.heads,
            intermediate_size=one.ffn_width,
            tie_word_embeddings=True,
        )
        assert sum(p.numel() for p in LlamaForCausalLM(config).parameters()) == one.parameters


def test_side_networks_fit_every_size(family: Any) -> None:
    for one in family.FAMILY:
        side = one.width // family.REDUCTION
        assert side * family.REDUCTION == one.width
        assert side // one.heads % 2 == 0  # rotary positions turn pairs of channels


def test_every_method_gets_the_same_runs(family: Any) -> None:
    cells = family.cells_of(family.WHOLE)
    assert len({cell.cell_id for cell in cells}) == len(cells) == 216
    runs = {
        method: Counter(
            (c.model, c.steps, c.seed, c.data, c.seq_len, c.batch_size) for c in cells if c.method == method
        )
        for method in family.METHODS
    }
    assert all(found == runs["qlora"] for found in runs.values())


def test_no_run_is_the_first_part_of_another(family: Any) -> None:
    """Two budgets of one seed would share their batches."""
    cells = [cell for cell in family.cells_of(family.WHOLE) if cell.method == "ladder"]
    assert len({(cell.model, cell.seed) for cell in cells}) == len(cells)


def test_a_quick_run_is_a_part_of_the_whole(family: Any) -> None:
    whole, quick = (set(family.cells_of(family.plan_of(quick=q))) for q in (False, True))
    assert quick < whole
    assert len(quick) == 8


def test_names_of_models_say_nothing_of_the_machine(family: Any) -> None:
    assert {cell.model for cell in family.cells_of(family.WHOLE)} == {
        f"slopes-1/{one.width}x{one.depth}" for one in family.FAMILY
    }
