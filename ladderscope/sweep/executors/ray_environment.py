"""The runtime environment of a Ray cluster's workers: what is shipped to them, and what the user adds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ladderscope
from ladderscope.errors import UsageError
from ladderscope.sweep.executors.ray_options import RayOptions
from ladderscope.yaml_files import read_mapping

_SHIPPED = ("LADDERSCOPE_", "HF_", "PYTORCH_")
"""How those variables begin that decide what a cell gives."""
_SECRET = ("TOKEN", "SECRET", "PASSWORD", "KEY")
"""What those are called that are left out: everyone on a cluster can read the environments of its jobs."""


def runtime_env(ray: Any, options: RayOptions) -> dict[str, Any]:
    """This package, as it is here, and the variables that decide what a cell gives; what the user says is over it.

    Raises:
        UsageError: the user's file cannot be read, or Ray does not take what it says.
    """
    from ladderscope.environment import shipped_commit

    users = _users(options)
    env = {
        "excludes": ["**/__pycache__/**"],
        **users,
        "py_modules": [str(Path(ladderscope.__file__).parent), *users.get("py_modules", [])],
        "env_vars": {**shipped_variables(os.environ), **shipped_commit(), **users.get("env_vars", {})},
    }
    try:
        # Else it says so while it starts, as if the cluster were at fault.
        ray.runtime_env.RuntimeEnv(**env)
    except (TypeError, ValueError, AttributeError, AssertionError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise _wrong(options, f"is none that Ray takes: {first_line.rstrip('.')}") from error
    return env


def shipped_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Of the driver's variables those that workers get: what decides a cell, but no token."""
    return {
        name: value
        for name, value in variables.items()
        if name.startswith(_SHIPPED) and not any(word in name.upper() for word in _SECRET)
    }


def ships_folder(options: RayOptions) -> bool:
    """Whether the user's runtime environment brings the folder that cells work in.

    Raises:
        UsageError: as for :func:`runtime_env`.
    """
    return "working_dir" in _users(options)


def _users(options: RayOptions) -> dict[str, Any]:
    """What the user's file says; a field without a value is as one that is not there."""
    if options.runtime_env is None:
        return {}
    path = Path(options.runtime_env)
    read = read_mapping(path, "the runtime environment", "map fields such as `pip` to values")
    found = {str(name): value for name, value in read.items() if value is not None}
    if not _are_texts(found.get("py_modules", [])):
        raise _wrong(options, "must give py_modules as a list of paths, `- ../my_package`")
    if "env_vars" in found:
        found["env_vars"] = _variables(found["env_vars"], options)
    return found


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _variables(values: object, options: RayOptions) -> dict[str, str]:
    """YAML reads ``OMP_NUM_THREADS: 4`` as a number, which environments do not hold."""
    if not isinstance(values, dict):
        raise _wrong(options, "must map names to values in env_vars, `OMP_NUM_THREADS: 4`")
    items: Iterable[tuple[Any, Any]] = values.items()
    for name, value in items:
        if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, str | int | float):
            raise _wrong(options, f"must give {name} of env_vars a text or a number: put it in quotes")
    return {name: str(value) for name, value in values.items()}


def _wrong(options: RayOptions, what: str) -> UsageError:
    return UsageError(f"the runtime environment {options.runtime_env} {what}.")
