"""What ``--executor ray`` can be told."""

from __future__ import annotations

from dataclasses import dataclass

from ladderscope.sweep.executors.engine import EngineOptions, option


@dataclass(frozen=True, kw_only=True)
class RayOptions(EngineOptions):
    """Options of ``--executor ray``."""

    address: str = option("auto", "auto: the cluster of this machine; local: start one; or host:port.")
    gpu_type: str | None = option(None, "GPU to measure on, by Ray's name: A100.  [default: what fits by prediction]")
    retries: int = option(3, "How often a cell that was lost with its node is begun again.", least=0)
    runtime_env: str | None = option(None, "Ray's runtime environment, over what is shipped.", "FILE.yaml")
