"""Where a record was made: versions, commit, hardware."""

from __future__ import annotations

import ctypes
import datetime
import functools
import os
import platform
import subprocess
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ladderscope import __version__

_SHIPPED_COMMIT = "LADDERSCOPE_SHIPPED_COMMIT"
"""Variable that says which commit a copy of this package is of that was shipped to another machine."""
_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "numpy")


def describe_environment() -> dict[str, Any]:
    """Versions of what decides a result, the commit of this package's checkout, and the hardware.

    ``commit`` and ``dirty`` are None where ladderscope does not run from a checkout. A process that uses a GPU adds
    the versions of CUDA and its driver, the GPU's bytes, and how many of them are in use outside of PyTorch's
    allocator: by the CUDA context, by libraries, and by other processes.
    """
    commit, dirty = _commit()
    return {
        "ladderscope": __version__,
        **{name: metadata.version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "commit": commit,
        "dirty": dirty,
        "cpu": _cpu_name(),
        "cpu_threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        **_cuda(),
        "finished_at": _now(),
    }


def describe_origin() -> dict[str, Any]:
    """What a record says of its making that no worker has made: version, commit, and the time, in UTC.

    The commit is that of the first call: a thousand jobs may be lost together.
    """
    commit, dirty = _commit_once()
    return {"ladderscope": __version__, "commit": commit, "dirty": dirty, "finished_at": _now()}


def shipped_commit() -> dict[str, str]:
    """The variable that a copy of this package needs elsewhere, to name the commit that it is of; empty for none."""
    commit, dirty = _commit()
    return {} if commit is None else {_SHIPPED_COMMIT: f"{commit} {'dirty' if dirty else 'clean'}"}


def cuda_versions() -> dict[str, str]:
    """``cuda``, of which PyTorch was built, and ``cuda_driver``, the newest CUDA that the driver runs, where known."""
    found = {"cuda": torch.version.cuda, "cuda_driver": _driver_version()}
    return {name: version for name, version in found.items() if version is not None}


def _cuda() -> dict[str, Any]:
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        return {}
    free, total = torch.cuda.mem_get_info()
    outside = total - free - torch.cuda.memory_reserved()
    return {**cuda_versions(), "gpu_total_bytes": total, "gpu_outside_bytes": outside}


def _driver_version() -> str | None:
    """As ``nvidia-smi`` shows it ("CUDA Version"), from the driver's own library."""
    for library in ("libcuda.so.1", "nvcuda.dll"):
        with suppress(OSError, AttributeError):
            version = ctypes.c_int()
            if ctypes.CDLL(library).cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value:
                return f"{version.value // 1000}.{version.value % 1000 // 10}"
    return None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


@functools.cache
def _commit_once() -> tuple[str | None, bool | None]:
    return _commit()


def _commit() -> tuple[str | None, bool | None]:
    if shipped := os.environ.get(_SHIPPED_COMMIT):
        commit, _, state = shipped.partition(" ")
        return commit, state == "dirty"
    root = Path(__file__).parent.parent
    if not (root / ".git").exists():
        return None, None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    return _git(root, "rev-parse", "HEAD"), None if changes is None else bool(changes)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{os.cpu_count()} x {names[0]}" if names else platform.processor()
