from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from ladderscope.cli.profile_jobs import jobs_elsewhere
from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.records import Cell
from ladderscope.sweep.checks import check_meter
from ladderscope.sweep.grid import resolve_cells

BASE = {"model": ["random:tiny-llama"], "method": ["lora"]}
SHARED: dict[str, list[Any]] = {
    "model": ["random:tiny-llama"],
    "method": ["full"],
    "parallel": ["ddp"],
    "num_gpus": [2],
}


def refusal(**axes: object) -> str:
    with pytest.raises(UsageError) as error:
        resolve_cells(BASE, {name: [value] for name, value in axes.items()})
    return str(error.value)


def test_a_parallel_cell_has_two_gpus_where_nobody_says_how_many() -> None:
    cells = resolve_cells(BASE, {"parallel": ["none", "ddp", "fsdp"]})
    assert [cell.num_gpus for cell in cells] == [1, 2, 2]


def test_tokens_of_a_step_are_those_of_all_gpus() -> None:
    (cell,) = resolve_cells(BASE, {"parallel": ["ddp"], "num_gpus": [4], "batch_size": [3], "seq_len": [32]})
    assert cell.tokens_per_rank == 96
    assert cell.tokens_per_step == 384
    assert "ddp x4" in cell.label


@pytest.mark.parametrize(
    ("axes", "says"),
    [
        ({"num_gpus": 2}, "need --parallel ddp or fsdp"),
        ({"parallel": "ddp", "num_gpus": 1}, "needs --num-gpus 2 or more"),
        ({"parallel": "ddp", "loss_impl": "chunked"}, "use --loss-impl full"),
        ({"parallel": "fsdp", "generate": 4}, "leave --generate or --parallel out"),
        ({"parallel": "fsdp", "optimizer": "adamw-8bit"}, "use --optimizer adamw or adamw-fused"),
        ({"parallel": "fsdp", "method": "qlora", "quantization": "int8"}, "use --quantization nf4"),
        ({"parallel": "fsdp", "method": "ladder", "quantization": "none"}, "shards no scalars"),
        ({"parallel": "fsdp", "method": "peft:vera", "quantization": "none"}, "was never run under FSDP2"),
    ],
)
def test_what_does_not_go_together_is_refused_with_the_way_out(axes: dict[str, object], says: str) -> None:
    assert says in refusal(**axes)


def test_an_unknown_way_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="fsdp"):
        resolve_cells(BASE, {"parallel": ["fdsp"]})


def test_more_gpus_than_there_are_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    cell = Cell(model="random:tiny-llama", method="full", parallel="ddp", num_gpus=8)
    check_meter([dataclasses.replace(cell, num_gpus=4)], "cuda")
    with pytest.raises(UsageError, match="8 GPUs are asked for, and PyTorch finds 4: lower --num-gpus"):
        check_meter([cell], "cuda")


@pytest.mark.parametrize("found", [0, 1])
def test_a_login_node_does_not_say_how_many_gpus_the_nodes_have(found: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)
    (job,) = jobs_elsewhere(None, "cuda", None, 1, None, SHARED)
    assert job.num_gpus == 2


def test_the_history_of_several_gpus_is_kept_nowhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--history keeps what one allocator does"):
        jobs_elsewhere(None, "cuda", None, 1, tmp_path, SHARED)
