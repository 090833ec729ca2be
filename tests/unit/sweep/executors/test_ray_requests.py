"""What no node of a Ray cluster has is said, or refused where no node will ever have it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import PREDICT, Cell
from ladderscope.sweep.executors.ray_cluster import gpu_types_of, task_options
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.executors.ray_requests import check_requests
from ladderscope.sweep.protocol import Job
from ladderscope.units import GIB

MakeCell = Callable[..., Cell]


def node(
    cores: float = 4, memory_gib: float = 16, gpu: str | None = None, alive: bool = True, gpus: int = 1
) -> dict[str, Any]:
    resources = {"CPU": cores, "memory": memory_gib * GIB, **({} if gpu is None else {"GPU": gpus})}
    return {"Alive": alive, "Resources": resources, "Labels": {"ray.io/accelerator-type": gpu} if gpu else {}}


def said(jobs: list[Job], nodes: list[dict[str, Any]], types: tuple[str, ...] = (), **options: Any) -> list[str]:
    chosen = RayOptions(**options)
    lines: list[str] = []
    requests = [(job, task_options(job, chosen, types)) for job in jobs]
    check_requests(SimpleNamespace(nodes=lambda: nodes), requests, chosen, lines.append)
    return lines


@pytest.fixture
def on_cuda(tiny_cell: MakeCell) -> list[Job]:
    return [Job(tiny_cell(seed=seed), "cuda", gpu=None, num_threads=1) for seed in range(5)]


def test_nothing_is_said_of_what_some_node_has(on_cuda: list[Job]) -> None:
    assert not said(on_cuda, [node(cores=1), node(gpu="A100")], cpus=4, gpu_type="A100", memory_gib=16)
    assert not said(on_cuda, [node(gpu="T4")], types=("A100", "T4"))


@pytest.mark.parametrize(
    ("options", "nodes", "lack"),
    [
        ({"cpus": 8}, [node(gpu="T4"), node(cores=2)], "8 cores (the most that one has is 4)"),
        ({"memory_gib": 32}, [node(gpu="T4")], "32.00 GiB of memory (the most that one has is 16.00 GiB)"),
        ({}, [node(), node(gpu="T4", alive=False)], "a GPU (none has any)"),
        ({"gpu_type": "H100"}, [node(gpu="T4"), node(gpu="A100")], "a GPU of type H100 (they have A100, T4)"),
        ({"gpu_type": "H100"}, [node()], "a GPU of type H100 (none has any)"),
        (
            {"cpus": 8, "memory_gib": 12},
            [node(cores=8), node(gpu="T4")],
            "8 cores and 12.00 GiB of memory and a GPU",
        ),
    ],
    ids=["cores", "memory", "gpu", "type", "type without a gpu", "none has all"],
)
def test_what_cells_wait_for_is_said_with_what_there_is(
    options: dict[str, Any], nodes: list[dict[str, Any]], lack: str, on_cuda: list[Job]
) -> None:
    label = on_cuda[0].cell.label
    assert said(on_cuda, nodes, **options) == [
        f"5 cells wait until the Ray cluster gets a node with {lack}: {label}; {label}; {label}; 2 others."
    ]
    assert said(on_cuda[:1], nodes, **options)[0].startswith("1 cell waits until")


@pytest.mark.parametrize(
    ("options", "lack"),
    [
        ({}, "4 GPUs (the most that one has is 2)"),
        ({"gpu_type": "A100"}, "4 GPUs of type A100 (they have A100, T4, up to 2 on a node)"),
    ],
)
def test_a_cell_on_several_gpus_waits_for_a_node_that_has_them_all(
    options: dict[str, Any], lack: str, tiny_cell: MakeCell
) -> None:
    sharded = Job(tiny_cell(parallel="fsdp", num_gpus=4), "cuda", gpu=None, num_threads=1)
    small = [node(gpu="A100", gpus=2, memory_gib=64), node(gpu="T4")]
    (line,) = said([sharded], small, **options)
    assert f"gets a node with {lack}: " in line
    assert not said([sharded], [*small, node(gpu="A100", gpus=4, memory_gib=64)], **options)


def test_each_cell_is_held_against_what_it_asks_for_itself(on_cuda: list[Job], tiny_cell: MakeCell) -> None:
    predicted = Job(tiny_cell(), PREDICT, "t4-16gb", num_threads=1)
    (line,) = said([predicted, on_cuda[0]], [node()], cpus=4)
    assert line.startswith("1 cell waits until the Ray cluster gets a node with a GPU")


def test_a_cluster_that_was_started_for_the_sweep_gets_no_node(on_cuda: list[Job]) -> None:
    with pytest.raises(UsageError, match=r"local starts has no node with a GPU \(none has any\), which 5 cells asked"):
        said(on_cuda, [node()], address="local")


def test_the_types_of_a_cluster_are_those_of_its_living_nodes() -> None:
    nodes = [node(gpu="T4"), node(gpu="A100"), node(gpu="A100", gpus=8), node(gpu="H100", alive=False), node()]
    assert gpu_types_of(SimpleNamespace(nodes=lambda: nodes)) == {"A100": 8, "T4": 1}
    assert gpu_types_of(SimpleNamespace(nodes=lambda: nodes[3:])) == {}
