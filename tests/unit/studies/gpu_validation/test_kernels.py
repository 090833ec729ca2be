from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ladderscope.records import Cell
from studies.gpu_validation.kernels import StepProfile, Work, main, profile_step, text_of, work_of


def test_a_profile_finds_the_work_of_a_step(tiny_cell: Callable[..., Cell]) -> None:
    found = profile_step(tiny_cell(method="lora"), torch.device("cpu"))
    calls = {work.name: work.calls for work in found.work}
    assert calls["aten::mm"] > 0
    assert found.seconds > 0
    assert [work.seconds for work in found.work] == sorted((work.seconds for work in found.work), reverse=True)


def test_the_page_says_how_busy_the_device_was(tiny_cell: Callable[..., Cell]) -> None:
    work = [Work("gemm", 300, 0.030), Work("copy", 20, 0.010)]
    text = text_of(StepProfile(tiny_cell(), seconds=0.080, work=work, launches=320, waits=2))
    assert "A step takes 80.0 ms; in the watched one the device worked for 40.0 ms" in text
    assert "320 kernels were launched, and the host waited 2 times" in text
    assert "| `gemm` | 300 | 30.00 | 75.0% |" in text


def test_named_ranges_on_the_gpu_are_no_work_of_their_own() -> None:
    on_gpu = {"device_type": SimpleNamespace(name="CUDA"), "count": 3, "self_device_time_total": 2e6}
    kernel = SimpleNamespace(key="gemm", is_user_annotation=False, **on_gpu)
    named = SimpleNamespace(key="Optimizer.step#AdamW.step", is_user_annotation=True, **on_gpu)
    assert work_of(kernel, on_gpu=True) == Work("gemm", 3, 2.0)
    assert work_of(named, on_gpu=True) is None


def test_the_command_profiles_every_method(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "kernels.md"
    sizes = ["--model", "random:tiny-llama", "--seq-len", "32", "--reduction", "4", "--meter", "cpu"]
    assert main([*sizes, "--method", "ladder", "--method", "qlora", "--out", str(out)]) == 0
    text = out.read_text()
    assert text.startswith("# Work of a training step on a CPU")
    assert text.index("## tiny-llama ladder 1/4") < text.index("## tiny-llama qlora r=16")
    assert main([*sizes, "--method", "laddder", "--out", str(out)]) == 2
    assert "did you mean 'ladder'" in capsys.readouterr().err
