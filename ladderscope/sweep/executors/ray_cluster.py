"""The Ray cluster: how it is reached, what is shipped to its workers, which GPUs it has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ladderscope
from ladderscope.errors import UsageError
from ladderscope.sweep.executors.engine import Terms, import_library
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.sweep.protocol import Job
from ladderscope.sweep.slots import num_cores
from ladderscope.units import GIB
from ladderscope.yaml_files import read_mapping

_GPU_TYPE = "ray.io/accelerator-type"
"""Ray's label of nodes."""
_SHIPPED_VARIABLES = ("LADDERSCOPE_", "HF_", "PYTORCH_")
"""How those begin that decide what a cell gives."""


def connect(terms: Terms, options: RayOptions) -> Any:
    """Ray, connected.

    Raises:
        UsageError: it is not installed, there is no cluster at the address, or the runtime environment is none.
    """
    # Running out of memory is a result, not a mishap; Ray reads this when it is imported.
    os.environ.setdefault("RAY_task_oom_retries", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray: Any = import_library("ray", "ray")
    starts = options.address == "local"
    here: dict[str, Any] = {"num_cpus": terms.jobs or num_cores(), "include_dashboard": False} if starts else {}
    runtime_env = _runtime_env(options)
    try:
        ray.init(options.address, runtime_env=runtime_env, log_to_driver=False, logging_level="ERROR", **here)
    except (ConnectionError, RuntimeError, ValueError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(
            f"cannot use the Ray cluster at --ray-address {options.address}: {first_line.rstrip('.')}. Start one with "
            "`ray start --head`, or give --ray-address local."
        ) from error
    return ray


def gpu_types_of(ray: Any) -> list[str] | None:
    """The types of GPU that the cluster has now, by Ray's names; empty where nodes do not tell, None without a GPU."""
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU", 0)]
    if not nodes:
        return None
    return sorted({kind for node in nodes if (kind := node["Labels"].get(_GPU_TYPE))})


def task_options(job: Job, options: RayOptions, gpu_types: Sequence[str] = ()) -> dict[str, Any]:
    """What Ray is to keep free for the job, where, and how often it may begin it again.

    Args:
        job: a prediction needs a core and memory; a measurement what the user says.
        options: of the executor.
        gpu_types: that a measurement on CUDA fits on; empty for any.
    """
    from ladderscope.sweep.host_memory import least_host_bytes

    needed: dict[str, Any] = {
        "name": job.cell.label,
        "num_cpus": 1 if job.is_prediction else options.cpus,
        "memory": least_host_bytes(job) if options.memory_gib is None else int(options.memory_gib * GIB),
        "max_retries": options.retries,
    }
    if job.meter == "cuda":
        types = gpu_types if options.gpu_type is None else (options.gpu_type,)
        needed["num_gpus"] = 1
        if types:
            needed["label_selector"] = {_GPU_TYPE: f"in({','.join(types)})"}
    return needed


def ships_folder(options: RayOptions) -> bool:
    """Whether the user's runtime environment brings the folder that cells work in."""
    return "working_dir" in _users_runtime_env(options)


def _runtime_env(options: RayOptions) -> dict[str, Any]:
    """This package, as it is here, and the variables that decide what a cell gives; what the user says is over it."""
    from ladderscope.environment import shipped_commit

    variables = {name: value for name, value in os.environ.items() if name.startswith(_SHIPPED_VARIABLES)}
    users = _users_runtime_env(options)
    return {
        "excludes": ["**/__pycache__/**"],
        **users,
        "py_modules": [str(Path(ladderscope.__file__).parent), *users.get("py_modules", [])],
        "env_vars": {**variables, **shipped_commit(), **users.get("env_vars", {})},
    }


def _users_runtime_env(options: RayOptions) -> dict[str, Any]:
    if options.runtime_env is None:
        return {}
    return read_mapping(Path(options.runtime_env), "the runtime environment", "map fields such as `pip` to values")
