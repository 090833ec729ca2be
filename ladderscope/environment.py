"""Where a record was made: versions, commit, hardware."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ladderscope import __version__

_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "numpy")


def describe_environment() -> dict[str, Any]:
    """Versions of what decides a result, the commit of this package's checkout, and the hardware.

    ``commit`` and ``dirty`` are None where ladderscope does not run from a checkout.
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
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _commit() -> tuple[str | None, bool | None]:
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
