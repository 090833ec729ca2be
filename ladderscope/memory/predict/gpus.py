"""GPUs by name. The data is ``gpus.yaml`` beside this file; a new GPU is one line there."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.units import GIB, MIB

CONTEXT_BYTES = 450 * MIB
"""What the CUDA context and lazily loaded kernels take outside of PyTorch's allocator.

An estimate, between the 300 MB of reports since CUDA 11.7 and what desktop drivers add; it differs by GPU and driver.
"""
_THREADS_PER_MULTIPROCESSOR = {75: 1024, 86: 1536, 87: 1536, 89: 1536, 120: 1536, 121: 1536}
ARCHITECTURES = (70, 72, 75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121)
"""Compute capabilities, as in ``sm_86``, that the versions of PyTorch run on whose rules are known."""
MOST_GIB = 4096
_CUSTOM = re.compile(r"(?P<gib>\d+(\.\d+)?)\s*GiB:sm(?P<arch>\d{2,3})", re.IGNORECASE)


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name here, what CUDA calls it, all its memory in bytes, compute capability, multiprocessors.

    ``is_nominal`` says that ``memory_bytes`` is what the card is sold with, of which CUDA reports less.
    """

    name: str
    title: str
    memory_bytes: int
    capability: tuple[int, int]
    multiprocessors: int
    is_nominal: bool = False

    @property
    def usable_bytes(self) -> int:
        """What PyTorch's allocator can get."""
        return self.memory_bytes - CONTEXT_BYTES

    @property
    def arch(self) -> int:
        """The compute capability as in ``sm_86``: 86."""
        return self.capability[0] * 10 + self.capability[1]

    @property
    def description(self) -> str:
        """``'GPU with 12 GiB, compute capability 8.6'``."""
        return f"{self.title}, compute capability {self.capability[0]}.{self.capability[1]}"

    @property
    def threads_per_multiprocessor(self) -> int:
        """As many a multiprocessor holds at once (CUDA C programming guide, technical specifications)."""
        return _THREADS_PER_MULTIPROCESSOR.get(self.arch, 2048)


def gpu_names() -> tuple[str, ...]:
    """All names of the table."""
    return tuple(_table())


def find_gpu(name: str) -> Gpu:
    """The GPU of that name, or one described as ``12GiB:sm86``.

    Raises:
        UnknownNameError: there is no such GPU.
        UsageError: a description that makes no sense.
    """
    custom = _CUSTOM.fullmatch(name.strip())
    if custom:
        arch = int(custom["arch"])
        if arch not in ARCHITECTURES:
            known = ", ".join(f"sm{number}" for number in ARCHITECTURES)
            raise UsageError(f"unknown GPU architecture sm{custom['arch']}: choose from {known}.")
        if float(custom["gib"]) > MOST_GIB:
            raise UsageError(f"no GPU has {custom['gib']} GiB: give at most {MOST_GIB}.")
        memory_bytes = int(float(custom["gib"]) * GIB)
        if memory_bytes <= CONTEXT_BYTES:
            taken = CONTEXT_BYTES / GIB
            raise UsageError(
                f"a GPU of {custom['gib']} GiB has no room beside CUDA itself, which takes about {taken:.2f} GiB: "
                "give more."
            )
        return Gpu(name, f"GPU with {custom['gib']} GiB", memory_bytes, divmod(arch, 10), multiprocessors=64)
    entry = _table().get(name)
    if entry is None:
        raise UnknownNameError("GPU", name, [*_table(), "12GiB:sm86"])
    major, minor = map(int, entry["capability"].split("."))
    is_nominal = "reported_mib" not in entry
    memory_bytes = entry["nominal_gib"] * GIB if is_nominal else entry["reported_mib"] * MIB
    return Gpu(name, entry["title"], memory_bytes, (major, minor), entry["multiprocessors"], is_nominal)


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    text = resources.files("ladderscope.memory.predict").joinpath("gpus.yaml").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return table
