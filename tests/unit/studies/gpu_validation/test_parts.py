"""The grid of the validation: what it has to hold, and that every cell of it can be run."""

from __future__ import annotations

import pytest

from ladderscope.records import Cell
from ladderscope.sweep.checks import check_meter
from ladderscope.sweep.grid import cells_of_files
from studies.gpu_validation.headline import LEAN, METHODS, MODELS, is_headline
from studies.gpu_validation.labels import method_name, model_name
from studies.gpu_validation.run import PARTS, PARTS_FOLDER

ALL_METHODS = {"lora", "qlora", "qlora, checkpointing", "lst", "qst", "ladder", "xladder"}


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return [cell for part in PARTS for cell in cells_of_files([PARTS_FOLDER / f"{part}.yaml"], {})]


def of_model(cells: list[Cell], model: str) -> list[Cell]:
    return [cell for cell in cells if model_name(cell) == model]


def test_no_cell_is_in_two_parts(cells: list[Cell]) -> None:
    assert len({cell.cell_id for cell in cells}) == len(cells)


def test_a_gpu_can_run_every_cell_without_a_network(cells: list[Cell]) -> None:
    check_meter(cells, "cuda")
    assert all(cell.model.startswith("random:") and cell.data.startswith("random") for cell in cells)
    assert all(cell.dtype == "bf16" and cell.steps >= 3 for cell in cells)


@pytest.mark.parametrize(
    ("model", "lengths", "methods"),
    [
        ("llama-3.2-1b", {512, 2048, 8192}, ALL_METHODS | {"full"}),
        ("llama-2-7b", {512, 2048, 4096}, ALL_METHODS),
        ("qwen2.5-7b", {2048, 8192}, ALL_METHODS),
    ],
)
def test_every_method_runs_at_every_length(
    cells: list[Cell], model: str, lengths: set[int], methods: set[str]
) -> None:
    found = of_model(cells, model)
    assert {cell.seq_len for cell in found} == lengths
    for length in lengths:
        assert {method_name(cell) for cell in found if cell.seq_len == length} == methods


def test_losses_optimizers_and_padded_batches_vary(cells: list[Cell]) -> None:
    assert {cell.loss_impl for cell in of_model(cells, "llama-2-7b")} == {"full", "chunked"}
    assert {cell.method for cell in cells if cell.optimizer == "adamw-8bit"} == {"full", "lora", "qlora", "ladder"}
    assert {cell.method for cell in cells if cell.data == "random-padded"} == {"qlora", "ladder", "qst"}


@pytest.mark.parametrize("model", MODELS)
def test_the_headline_has_every_method_and_the_lean_ladder(cells: list[Cell], model: str) -> None:
    found = [cell for cell in of_model(cells, model) if is_headline(cell)]
    assert {method_name(cell) for cell in found} == set(METHODS)
    lean = [cell for cell in found if cell.settings == LEAN]
    assert {(cell.reduction_factor, cell.loss_impl) for cell in lean} == {(16, "chunked")}


def test_every_bf16_ladder_of_the_headline_has_qloras_to_be_held_against(cells: list[Cell]) -> None:
    found = [cell for cell in cells if cell.adapter_dtype == "bf16"]
    for loss in ("full", "chunked"):
        methods = {method_name(cell) for cell in found if cell.loss_impl == loss}
        assert methods == {"qlora", "qlora, checkpointing", "ladder"}
