"""The meters by name. A new meter is one file and one entry."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ladderscope.errors import UnknownNameError
from ladderscope.memory.base import Meter
from ladderscope.memory.cpu import CpuMeter
from ladderscope.memory.cuda import CudaMeter
from ladderscope.records import PREDICT

METERS: dict[str, Callable[[], Meter]] = {"cpu": CpuMeter, "cuda": CudaMeter}
AUTO = "auto"


def resolve_meter(name: str) -> Meter:
    """The meter of that name; ``auto`` is ``cuda`` where there is a device, else ``cpu``.

    Raises:
        UnknownNameError: there is no such meter.
        UsageError: the meter does not work on this machine.
    """
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in METERS:
        raise UnknownNameError("meter", name, [AUTO, *METERS, PREDICT])
    return METERS[name]()
