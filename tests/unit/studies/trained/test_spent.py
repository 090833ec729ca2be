"""The compute of a run holds what came before its first step."""

from __future__ import annotations

import pytest

from ladderscope.methods import METHODS, get_method
from ladderscope.methods.side.calibration import DEFAULT_TOKENS
from ladderscope.records import Cell, Flops, Record
from ladderscope.studies.trained.spent import CALIBRATION_TOKENS, flops_spent, is_calibrated, with_preparation

SETTINGS = ("", "downsample=linear", "downsample=frozen", "basis=random", "downsample=avg-pool gate=none")


def cell(method: str, settings: str = "", steps: int = 16) -> Cell:
    is_side = get_method(method).size == "reduction_factor"
    return Cell(
        model="m", method=method, reduction_factor=8 if is_side else None, rank=None if is_side else 8,
        seq_len=256, batch_size=2, steps=steps, settings=settings,
    )  # fmt: skip


def record(one: Cell) -> Record:
    flops = Flops(per_step=1000, per_token=2.0, by_component={"backbone_forward": 512, "side_network": 488})
    return Record(cell=one, meter="cpu", status="ok", flops=flops)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("method", ["lst", "qst", "ladder", "xladder"])
def test_what_is_calibrated_is_what_the_config_says(method: str, settings: str) -> None:
    make = get_method(method).config
    assert make is not None
    config = make(cell(method, settings))
    assert is_calibrated(cell(method, settings)) == (config.downsample == "frozen" and config.basis == "principal")


def test_adapters_are_not_calibrated_and_all_side_networks_are_known_here() -> None:
    assert not is_calibrated(cell("qlora"))
    side = {name for name in METHODS if get_method(name).size == "reduction_factor"}
    assert side == {"lst", "qst", "ladder", "xladder"}


def test_the_number_of_tokens_is_that_of_the_package() -> None:
    assert CALIBRATION_TOKENS == DEFAULT_TOKENS


def test_a_calibrated_run_spends_a_forward_pass_of_the_backbone_more() -> None:
    assert flops_spent(record(cell("qlora"))) == 16 * 1000
    assert flops_spent(record(cell("ladder"))) == 16 * 1000 + 4096 * 512 / 512
    assert flops_spent(record(cell("ladder", "downsample=linear"))) == 16 * 1000
    assert flops_spent(record(cell("ladder", steps=0))) == 0


def test_spread_over_steps_it_is_the_same_in_all() -> None:
    one = with_preparation(record(cell("ladder")))
    assert one.flops is not None
    assert one.flops.per_step * one.cell.steps == flops_spent(record(cell("ladder")))
