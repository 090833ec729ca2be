"""The Ray cluster: how it is reached, what is shipped to its workers, which GPUs it has."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

from ladderscope.errors import UsageError
from ladderscope.sweep.executors.engine import Terms, import_library
from ladderscope.sweep.executors.ray_environment import runtime_env, ships_folder
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.executors.ray_requests import living_nodes, selector_of, type_of
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.slots import num_cores
from ladderscope.units import GIB

__all__ = ["connect", "gpu_types_of", "ships_folder", "task_options"]

_TYPE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
"""What Ray takes as the value of a label."""


def connect(terms: Terms, options: RayOptions) -> Any:
    """Ray, connected.

    Raises:
        UsageError: it is not installed, there is no cluster at the address, the runtime environment is none, or no
            cluster could have what is asked for.
    """
    if options.gpu_type is not None and _TYPE_NAME.fullmatch(options.gpu_type) is None:
        raise UsageError(
            f"--ray-gpu-type {options.gpu_type!r} is no name that Ray gives: it joins words with dashes, as in A100 "
            "or GeForce-RTX-4090."
        )
    # Running out of memory is a result, not a mishap; Ray reads this when it is imported.
    os.environ.setdefault("RAY_task_oom_retries", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray: Any = import_library("ray", "ray")
    here: dict[str, Any] = {}
    if options.address == "local":
        here = {"num_cpus": _cores_of_local_cluster(terms, options), "include_dashboard": False}
    env = runtime_env(ray, options)
    try:
        ray.init(options.address, runtime_env=env, log_to_driver=False, logging_level="ERROR", **here)
    except Exception as error:  # Ray raises bare ones where a node does not start in time
        raise _not_there(options, error) from error
    return ray


def _not_there(options: RayOptions, error: Exception) -> UsageError:
    first_line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if options.address == "local":
        return UsageError(f"cannot start a Ray cluster on this machine: {first_line}.")
    return UsageError(
        f"cannot use the Ray cluster at --ray-address {options.address}: {first_line}. Start one with "
        "`ray start --head`, or give --ray-address local."
    )


def _cores_of_local_cluster(terms: Terms, options: RayOptions) -> int:
    """In Ray's books: enough for ``--jobs`` cells at a time, else what this machine has."""
    if terms.jobs is not None:
        return terms.jobs * options.cpus
    if options.cpus > num_cores():
        raise UsageError(
            f"--ray-cpus {options.cpus} is more than the {num_cores()} that this machine or OMP_NUM_THREADS "
            "grants, and --ray-address local starts a cluster here: lower it, or say with --jobs how many cells are "
            "to share them."
        )
    return num_cores()


def gpu_types_of(ray: Any) -> dict[str, int]:
    """The types of GPU that the cluster has now, by Ray's names, and the most of a node; of nodes that tell theirs."""
    found: dict[str, int] = {}
    for node in living_nodes(ray):
        count, kind = int(node["Resources"].get("GPU", 0)), type_of(node)
        if count and kind:
            found[kind] = max(count, found.get(kind, 0))
    return dict(sorted(found.items()))


def task_options(job: Job, options: RayOptions, gpu_types: Sequence[str] = ()) -> dict[str, Any]:
    """What Ray is to keep free for the job, where, and how often it may begin it again.

    Args:
        job: a prediction needs a core and memory; a measurement what the user says, and a core for each rank.
        options: of the executor.
        gpu_types: that a measurement on CUDA fits on; empty for any.
    """
    from ladderscope.sweep.host_memory import least_host_bytes

    needed: dict[str, Any] = {
        "name": job.cell.label,
        "num_cpus": 1 if job.is_prediction else max(options.cpus, job.num_ranks),
        "memory": least_host_bytes(job) if options.memory_gib is None else int(options.memory_gib * GIB),
        "max_retries": options.retries,
    }
    if job.num_gpus:
        types = gpu_types if options.gpu_type is None else (options.gpu_type,)
        needed["num_gpus"] = job.num_gpus
        if types:
            needed["label_selector"] = selector_of(types)
    return needed
