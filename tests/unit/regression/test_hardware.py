from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from ladderscope.regression.baseline import Baseline
from ladderscope.regression.entry import Entry
from ladderscope.regression.hardware import machine_versions, other_hardware
from ladderscope.regression.take import versions

BASELINE = Baseline(
    cells={
        entry.name: entry
        for entry in (
            Entry(name="a", meter="cuda", gpu="NVIDIA L4"),
            Entry(name="b", meter="cuda", gpu="Tesla T4"),
            Entry(name="c", meter="predict", gpu="t4-16gb"),
        )
    }
)


def test_measurements_of_other_gpus_are_named_beside_this_one() -> None:
    sentence = other_hardware(BASELINE, "cuda", "NVIDIA A100")
    assert sentence is not None
    assert "NVIDIA L4 and Tesla T4" in sentence
    assert "NVIDIA A100" in sentence
    assert "--update --meter cuda" in sentence


@pytest.mark.parametrize(("meter", "gpu"), [("cuda", "Tesla T4"), ("cpu", None), ("predict", "l4-24gb")])
def test_there_is_nothing_to_say_of_known_hardware_other_meters_and_predictions(meter: str, gpu: str | None) -> None:
    assert other_hardware(BASELINE, meter, gpu) is None


@pytest.mark.parametrize("meter", ["predict", "cpu"])
def test_predictions_carry_nothing_of_the_machine(meter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = versions(meter)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr("ctypes.CDLL", _driver(13010))
    assert versions(meter) == here
    assert not any("cuda" in name for name in here)


def test_measurements_on_a_gpu_carry_the_cuda_of_pytorch_and_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr("ctypes.CDLL", _driver(13010))
    assert machine_versions("cuda") == {"cuda": "12.8", "cuda_driver": "13.1"}
    assert versions("cuda") == {**versions(), "cuda": "12.8", "cuda_driver": "13.1"}


def test_what_cannot_be_read_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr("ctypes.CDLL", _no_library)
    assert machine_versions("cuda") == {}


def _driver(number: int) -> object:
    def get_version(address: object) -> int:
        address._obj.value = number  # type: ignore[attr-defined]
        return 0

    return lambda name: SimpleNamespace(cuDriverGetVersion=get_version)


def _no_library(name: str) -> None:
    raise OSError(name)
