"""The plan of the study: its cells fit the backbones, and each of its side networks makes a step."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.backbones.widths import side_width_of
from ladderscope.measure import prepare_loop
from ladderscope.methods.settings import parse_settings
from ladderscope.studies.folder import find_study
from ladderscope.studies.variants.cells import predicted_cells, trained_cell, trained_cells
from ladderscope.training.batches import Batch

from .conftest import STUDIES


@pytest.fixture(scope="module")
def plan(module: Callable[[str], Any]) -> Any:
    return module("plan")


def test_a_quick_run_is_a_part_of_the_whole(plan: Any) -> None:
    for cells_of in (trained_cells, predicted_cells):
        whole, quick = (cells_of(plan.plan_of(quick=q)) for q in (False, True))
        assert set(quick) < set(whole)
        assert len({cell.cell_id for cell in whole}) == len(whole)
    assert len(trained_cells(plan.QUICK)) == 4


def test_as_many_cells_as_the_study_says(plan: Any) -> None:
    assert (len(trained_cells(plan.WHOLE)), len(predicted_cells(plan.WHOLE))) == (66, 22)


def test_every_variant_differs_from_the_default_in_one_choice(plan: Any) -> None:
    reference, *others = (parse_settings(one.settings) for one in plan.WHOLE.variants)
    for one in others:
        shared = reference.keys() & one.keys()
        assert sum(reference[name] != one[name] for name in shared) == 1
        assert reference.keys() ^ one.keys() <= {"basis", "downsample_rank"}


def test_the_reference_is_the_same_cell_as_that_of_the_other_study(plan: Any) -> None:
    find_study(STUDIES, "initialisation").analyse([])
    other = sys.modules["ladderscope_study_initialisation_analysis.plan"]
    mine, theirs = (
        {cell.cell_id for cell in [*trained_cells(only), *predicted_cells(only)]}
        for only in (one.WHOLE.part((one.REFERENCE,), reductions=(8,), seeds=(0, 1, 2)) for one in (plan, other))
    )
    assert mine == theirs
    assert len(mine) == 4


@pytest.mark.parametrize("model", ["random:smollm2-135m", "random:llama-2-7b"])
def test_every_width_fits_the_heads(plan: Any, model: str) -> None:
    config = backbone_config(resolve_name(model))
    for reduction in {reduction for one in plan.WHOLE.variants for reduction in one.reductions}:
        assert side_width_of(config, reduction) * reduction == config.hidden_size


@pytest.mark.parametrize("place", range(7))
def test_every_variant_makes_a_step_beside_a_quantised_backbone(plan: Any, place: int) -> None:
    assert len(plan.WHOLE.variants) == 7
    cell = dataclasses.replace(
        trained_cell(plan.WHOLE.variants[place], 4, 0, steps=1), model="random:tiny-llama", data="random"
    )
    row = torch.arange(512).view(2, 256)  # what calibration wants, and no more
    _, loop = prepare_loop(
        cell, torch.device("cpu"), lambda _: [Batch(row, row)], lambda _: itertools.repeat(Batch(row, row))
    )
    before = loop.evaluate()
    assert math.isfinite(loop.step().loss)
    assert math.isfinite(loop.evaluate())
    assert loop.evaluate() != before
