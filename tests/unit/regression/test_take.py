"""Names of entries, and the cell behind them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ladderscope.records import PREDICT, Cell
from ladderscope.regression.take import canonical, entry_name, versions

CELL = Cell(model="random:gpt2", method="lora", rank=8, seq_len=512)
OTHER: dict[str, Any] = {
    "model": "random:gpt2-medium",
    "method": "dora",
    "rank": 16,
    "reduction_factor": 4,
    "seq_len": 1024,
    "batch_size": 2,
    "gradient_accumulation": 4,
    "dtype": "fp32",
    "quantization": "nf4",
    "optimizer": "adamw-8bit",
    "lr": 2e-3,
    "gradient_checkpointing": True,
    "loss_impl": "chunked",
    "steps": 5,
    "seed": 3,
    "data": "random",
    "settings": "use_rslora=true",
    "generate": 32,
    "adapter_dtype": "bf16",
    "parallel": "ddp",
    "num_gpus": 2,
}
UNSEEN_BY_PREDICTIONS = {"lr", "steps", "seed", "data"}


def test_every_setting_has_another_value_here() -> None:
    assert list(OTHER) == [field.name for field in dataclasses.fields(Cell)]
    assert all(getattr(CELL, name) != value for name, value in OTHER.items())


@pytest.mark.parametrize("name", [name for name in OTHER if name not in UNSEEN_BY_PREDICTIONS])
def test_cells_that_differ_have_names_that_differ(name: str) -> None:
    cell = CELL if name != "reduction_factor" else dataclasses.replace(CELL, method="ladder", rank=None)
    changed = dataclasses.replace(cell, **{name: OTHER[name]})
    for meter, gpu in ((PREDICT, "t4-16gb"), ("cuda", "t4-16gb"), ("cpu", None)):
        assert entry_name(changed, meter, gpu) != entry_name(cell, meter, gpu)


@pytest.mark.parametrize("name", sorted(UNSEEN_BY_PREDICTIONS))
def test_what_no_prediction_depends_on_is_in_the_names_of_measurements_alone(name: str) -> None:
    changed = dataclasses.replace(CELL, **{name: OTHER[name]})
    assert entry_name(changed, PREDICT, "t4-16gb") == entry_name(CELL, PREDICT, "t4-16gb")
    assert canonical(changed, PREDICT) == canonical(CELL, PREDICT)
    assert entry_name(changed, "cpu", None) != entry_name(CELL, "cpu", None)
    assert canonical(changed, "cpu") == changed


def test_any_two_of_many_cells_have_names_of_their_own() -> None:
    names, cells = set(), set()
    for bits in range(2 ** len(OTHER)):
        if bits % 97:  # a sample
            continue
        changes = {name: value for bit, (name, value) in enumerate(OTHER.items()) if bits >> bit & 1}
        changes.pop("reduction_factor", None)  # a method has one size
        cell = canonical(dataclasses.replace(CELL, **changes), PREDICT)
        names.add(entry_name(cell, PREDICT, "t4-16gb"))
        cells.add(cell)
    assert len(names) == len(cells) > 300


@pytest.mark.parametrize(
    ("settings", "meter", "gpu", "name"),
    [
        ({}, PREDICT, "t4-16gb", "random:gpt2 lora r=8 512 tokens, predicted for t4-16gb"),
        ({}, "cpu", None, "random:gpt2 lora r=8 512 tokens, measured on a CPU"),
        ({}, "cuda", "NVIDIA L4", "random:gpt2 lora r=8 512 tokens, measured on NVIDIA L4"),
        (
            {"method": "qlora", "quantization": "nf4", "gradient_checkpointing": True, "batch_size": 4},
            PREDICT,
            "t4-16gb",
            "random:gpt2 qlora r=8 512 tokens, batch size 4, nf4, gradient checkpointing, predicted for t4-16gb",
        ),
        (
            {"method": "ladder", "rank": None, "reduction_factor": 8, "settings": "gate=none", "lr": 0.01},
            "cpu",
            None,
            "random:gpt2 ladder 1/8 gate=none 512 tokens, lr 0.01, measured on a CPU",
        ),
        ({"data": "random"}, "cpu", None, "random:gpt2 lora r=8 512 tokens, data random, measured on a CPU"),
        ({"model": "/tmp/my model 模"}, PREDICT, "a", "/tmp/my model 模 lora r=8 512 tokens, predicted for a"),
    ],
)
def test_names_are_for_people(settings: dict[str, Any], meter: str, gpu: str | None, name: str) -> None:
    assert entry_name(dataclasses.replace(CELL, **settings), meter, gpu) == name


def test_a_canonical_cell_is_canonical_and_keeps_what_memory_depends_on() -> None:
    cell = canonical(Cell(**OTHER), PREDICT)
    assert canonical(cell, PREDICT) == cell
    assert {name for name, value in OTHER.items() if getattr(cell, name) != value} <= UNSEEN_BY_PREDICTIONS


def test_versions_name_what_decides_memory_without_builds() -> None:
    found = versions()
    assert {"ladderscope", "torch", "transformers", "peft"} <= set(found)
    assert not any("+" in version for version in found.values())
