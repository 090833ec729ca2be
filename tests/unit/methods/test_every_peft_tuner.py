"""Every tuner of the installed PEFT is predicted with its defaults, and counts the parameters that it really has."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from ladderscope.backbones.loading import random_backbone
from ladderscope.backbones.names import backbone_config, resolve_name
from ladderscope.errors import UsageError
from ladderscope.measure import count_parameters, measure_cell
from ladderscope.memory.meters import resolve_meter
from ladderscope.methods import get_method
from ladderscope.methods.peft_file import tuner_configs
from ladderscope.predict import predict_cell
from ladderscope.records import Cell
from studies.peft_tuners.adapters import mixture
from studies.peft_tuners.tuners import DEFAULTS, NEEDED, missing_package, settings, unknown

MODEL = "random:tiny-llama"
TINY = {
    "c3a": {"block_size": 16},
    "road": {"group_size": 16},
    "shira": {"r": 4},
    "vblora": {"vector_length": 16},
    "waveft": {"n_frequency": 100},
}
"""Fields whose default is larger than the layers of the tiny model."""
MEASURED = ("ia3", "vera", "prefix_tuning", "poly", "shira")
SAMPLE = ("adalora", "boft", "ia3", "lora", "oft", "prefix_tuning", "shira", "vblora", "vera")
"""Of each kind one: factors, rotations, scales, virtual tokens, sparse and shared weights."""
TUNERS = sorted(DEFAULTS | set(NEEDED))


def cell_of(tuner: str) -> Cell:
    return Cell(
        model=MODEL,
        method=f"peft:{tuner}",
        quantization="none",
        seq_len=32,
        batch_size=2,
        data="random",
        steps=1,
        settings=settings(tuner, **TINY.get(tuner, {})),
    )


def trainable_on_cpu(cell: Cell) -> int:
    cpu = torch.device("cpu")
    backbone = random_backbone(backbone_config(resolve_name(MODEL)), torch.bfloat16, "none", cpu, seed=0)
    return count_parameters(get_method(cell.method).build(backbone.model, cell)).trainable


def test_every_tuner_of_the_installed_peft_has_a_place_in_the_tables() -> None:
    assert not unknown(), (
        f"PEFT has new tuners, {unknown()}: add each to DEFAULTS, or to NEEDED with the fields that it cannot do "
        "without; both are in studies/peft_tuners/tuners.py."
    )


@pytest.mark.parametrize("tuner", [pytest.param(t, marks=[] if t in SAMPLE else pytest.mark.slow) for t in TUNERS])
def test_a_tuner_is_predicted_with_the_parameters_that_it_has_on_the_cpu(tuner: str) -> None:
    if tuner not in tuner_configs():
        pytest.skip(f"the installed PEFT has no {tuner}")
    cell = cell_of(tuner)
    if missing_package(tuner):
        with pytest.raises(UsageError, match="is required"):
            predict_cell(cell, "l40s-48gb")
        return
    record = predict_cell(cell, "l40s-48gb").record
    assert (record.status, record.meter) == ("ok", "predict")
    assert record.memory is not None
    assert record.params is not None
    assert sum(record.memory.breakdown_bytes.values()) == record.memory.peak_allocated_bytes
    assert record.params.trainable == trainable_on_cpu(cell) > 0
    trained_bytes = 2 * record.params.trainable
    assert record.memory.breakdown_bytes["adapter_weights"] >= trained_bytes
    assert record.memory.breakdown_bytes["optimizer_state"] >= 2 * trained_bytes


@pytest.mark.parametrize("tuner", MEASURED)
def test_a_tuner_is_measured_on_the_cpu(tuner: str) -> None:
    record = measure_cell(cell_of(tuner), resolve_meter("cpu"))
    assert (record.status, record.meter) == ("ok", "cpu")
    assert record.memory is not None
    assert sum(record.memory.breakdown_bytes.values()) == record.memory.peak_allocated_bytes
    assert record.memory.breakdown_bytes["adapter_weights"] > 0


def test_xlora_without_adapters_to_mix_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^xlora .+\.$"):
        predict_cell(cell_of("xlora"), "l40s-48gb")


def test_xlora_is_predicted_with_adapters_to_mix(tmp_path: Path) -> None:
    cell = dataclasses.replace(cell_of("xlora"), settings=settings("xlora", **mixture(MODEL, tmp_path)))
    record = predict_cell(cell, "l40s-48gb").record
    assert record.params is not None
    assert record.params.trainable == trainable_on_cpu(cell) > 0
