"""The words of records that the whole package shares."""

from __future__ import annotations

from typing import Literal

SCHEMA_VERSION = 2
"""The newest that is read and written."""
FIRST_SCHEMA = 1
"""Of records on one GPU: they have nothing that it lacks. Those of several GPUs, with their ranks, came with 2."""

PREDICT = "predict"
"""The meter that measures nothing: it predicts for a GPU."""

DEFAULT_GPU = "rtx-3060-12gb"
"""What is predicted for where the user names nothing; of the table of GPUs."""

RecordKey = tuple[str, str, str | None]
"""Id of the cell, meter and GPU."""

Status = Literal["ok", "oom", "error", "timeout"]
STATUSES: tuple[Status, ...] = ("ok", "oom", "error", "timeout")

BREAKDOWN_CATEGORIES = (
    "weights",
    "quantization_state",
    "adapter_weights",
    "gradients",
    "optimizer_state",
    "activations",
    "logits_and_loss",
    "workspace",
    "collectives",
    "rounding",
    "other",
)
"""Categories of ``Memory.breakdown_bytes``, in the order in which figures stack them."""

COLLECTIVES = "collectives"
"""The category that a breakdown leaves out where it is empty: that of every cell on one GPU."""

FLOP_COMPONENTS = (
    "backbone_forward",
    "backbone_recompute",
    "backbone_backward",
    "adapter",
    "side_network",
    "head",
)
"""Components of ``Flops.by_component``. ``adapter``, ``side_network`` and ``head`` hold forward plus backward."""
