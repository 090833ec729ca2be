"""Which GPUs of a cluster measured cells ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.records import PREDICT, Cell, Memory, Record, Status
from ladderscope.sweep.executors.gpu_types import gpu_of_type, place
from ladderscope.sweep.executors.ray_cluster import task_options
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.host_memory import PROCESS_BYTES
from ladderscope.sweep.protocol import Job
from ladderscope.units import GIB

MakeCell = Callable[..., Cell]
ONE_EACH = {"T4": 1, "A100": 1}
GPUS = {"T4": find_gpu("t4-16gb"), "A100": find_gpu("a100-40gb")}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("A100", "a100-40gb"),
        ("A10", "a10-24gb"),
        ("V100", "v100-16gb"),
        ("H100", "h100-80gb"),
        ("RTX-A4000", "a4000-16gb"),
        ("GeForce-RTX-4060-Ti", "rtx-4060-ti-8gb"),
        ("GeForce-RTX-3060", "rtx-3060-12gb"),
        ("Gaudi", None),
    ],
)
def test_a_type_of_ray_is_the_smallest_gpu_of_that_name(name: str, expected: str | None) -> None:
    found = gpu_of_type(name)
    assert (found and found.name) == expected


def test_a_cell_may_run_wherever_it_fits_and_the_largest_come_first(tiny_cell: MakeCell) -> None:
    small, large, huge = (measured(tiny_cell(seq_len=tokens)) for tokens in (32, 64, 128))
    predictions = [
        *(prediction(small, gpu, 8 * GIB) for gpu in GPUS),
        prediction(large, "T4", 20 * GIB, "oom"),
        prediction(large, "A100", 20 * GIB),
        *(prediction(huge, gpu, 90 * GIB, "oom") for gpu in GPUS),
    ]
    placement = place([small, large, huge], predictions, GPUS, ONE_EACH)
    assert placement.jobs == [huge, large, small]
    assert placement.types == {small.key: ("T4", "A100"), large.key: ("A100",), huge.key: ("A100",)}


def test_a_cell_on_several_gpus_runs_where_a_node_has_them_all(tiny_cell: MakeCell) -> None:
    job = measured(tiny_cell(parallel="ddp", num_gpus=4))
    too_large = [prediction(job, gpu, 90 * GIB, "oom") for gpu in GPUS]
    assert place([job], too_large, GPUS, {"T4": 4, "A100": 2}).types == {job.key: ("T4",)}
    assert place([job], too_large, GPUS, ONE_EACH).types == {job.key: ("A100",)}  # and waits for such a node


def test_a_cell_that_cannot_be_predicted_may_run_anywhere(tiny_cell: MakeCell) -> None:
    job = measured(tiny_cell())
    failed = Record(cell=job.cell, meter=PREDICT, gpu="t4-16gb", status="error", error="cannot follow it")
    assert place([job], [failed], GPUS, ONE_EACH).types == {job.key: ("T4", "A100")}


def test_a_measurement_on_cuda_takes_a_gpu_and_a_prediction_takes_none(tiny_cell: MakeCell) -> None:
    options = RayOptions(cpus=4)
    asked = task_options(measured(tiny_cell()), options, ("T4", "A100"))
    assert (asked["num_cpus"], asked["num_gpus"]) == (4, 1)
    assert asked["label_selector"] == {"ray.io/accelerator-type": "in(T4,A100)"}
    predicted = task_options(Job(tiny_cell(), PREDICT, "t4-16gb", num_threads=1), options)
    assert predicted["num_cpus"] == 1
    assert "num_gpus" not in predicted
    assert "label_selector" not in predicted


def test_the_memory_that_is_asked_for_holds_the_process_and_the_weights(tiny_cell: MakeCell) -> None:
    predicted = task_options(Job(tiny_cell(), PREDICT, "t4-16gb", 1), RayOptions())["memory"]
    assert task_options(measured(tiny_cell(dtype="fp32")), RayOptions())["memory"] > predicted
    assert task_options(measured(tiny_cell()), RayOptions(memory_gib=3.5))["memory"] == int(3.5 * GIB)


def test_ranks_that_hold_the_weights_on_the_host_ask_for_memory_for_each_copy(tiny_cell: MakeCell) -> None:
    alone = task_options(measured(tiny_cell()), RayOptions())
    sharded = task_options(measured(tiny_cell(parallel="fsdp", num_gpus=4)), RayOptions())
    replicated = task_options(measured(tiny_cell(parallel="ddp", num_gpus=4)), RayOptions())
    assert (alone["num_gpus"], sharded["num_gpus"], replicated["num_gpus"]) == (1, 4, 4)
    assert (alone["num_cpus"], sharded["num_cpus"]) == (1, 4)  # a core for each rank
    assert sharded["memory"] == 4 * alone["memory"] > replicated["memory"] > 4 * PROCESS_BYTES


def measured(cell: Cell) -> Job:
    return Job(cell, "cuda", gpu=None, num_threads=1)


def prediction(job: Job, gpu: str, peak_bytes: int, status: Status = "ok") -> Record:
    memory = Memory(
        peak_allocated_bytes=peak_bytes, peak_reserved_bytes=peak_bytes, peak_rss_bytes=None, breakdown_bytes={}
    )
    return Record(cell=job.cell, meter=PREDICT, gpu=GPUS[gpu].name, status=status, memory=memory)
