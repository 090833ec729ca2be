"""What is larger than the machine is refused from its shape alone."""

from __future__ import annotations

from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Cell
from ladderscope.sweep.host_memory import check_host_memory, host_memory_bytes
from ladderscope.units import GIB


def _cell(**settings: Any) -> Cell:
    settings = {"model": "random:llama-2-7b", "method": "lora", "quantization": "none", **settings}
    return Cell(rank=8, data="random", dtype=settings.pop("dtype", "bf16"), **settings)


def test_a_machine_too_small_for_the_weights_is_told_so_with_the_way_out() -> None:
    with pytest.raises(UsageError) as error:
        check_host_memory([_cell()], available_bytes=12 * GIB)
    assert error.value.exit_code == 2
    # 6,738,415,616 weights of two bytes, as Meta's checkpoint has them.
    assert str(error.value) == (
        "random:llama-2-7b does not fit into this machine's memory: its weights alone take 12.55 GiB of 12.00 GiB. "
        "Predict it with --meter predict --gpu GPU, or choose a smaller model."
    )


@pytest.mark.parametrize(("quantization", "gib"), [("none", 13), ("int8", 7), ("nf4", 4), ("nf4-dq", 4)])
def test_quantised_weights_need_less(quantization: str, gib: int) -> None:
    check_host_memory([_cell(method="qlora", quantization=quantization)], available_bytes=gib * GIB)
    with pytest.raises(UsageError):
        check_host_memory([_cell(method="qlora", quantization=quantization)], available_bytes=(gib - 1) * GIB)


def test_every_rank_loads_the_whole_model() -> None:
    check_host_memory([_cell(parallel="ddp", num_gpus=2)], available_bytes=26 * GIB)
    with pytest.raises(UsageError) as error:
        check_host_memory([_cell(parallel="ddp", num_gpus=2)], available_bytes=25 * GIB)
    assert str(error.value) == (
        "random:llama-2-7b does not fit into this machine's memory: its weights alone take 12.55 GiB in each of 2 "
        "processes, 25.10 GiB of 25.00 GiB. Predict it with --meter predict --gpu GPU, or lower --num-gpus, or choose "
        "a smaller model."
    )


def test_on_gpus_only_what_fsdp_shards_is_on_the_host_as_a_whole() -> None:
    others = [_cell(), _cell(parallel="ddp", num_gpus=8), _cell(method="qlora", quantization="nf4", parallel="fsdp")]
    check_host_memory(others, available_bytes=GIB, meter="cuda")
    with pytest.raises(UsageError, match=r"in each of 8 processes, 100\.41 GiB of 100\.00 GiB"):
        check_host_memory([_cell(parallel="fsdp", num_gpus=8)], available_bytes=100 * GIB, meter="cuda")


def test_this_machine_holds_a_small_model() -> None:
    assert host_memory_bytes() > GIB
    check_host_memory([_cell(model="random:tiny-llama")])
