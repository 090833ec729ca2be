"""What of a machine decides measured numbers: predictions are the same on all, measurements belong to one GPU."""

from __future__ import annotations

from ladderscope.records import PREDICT
from ladderscope.regression.baseline import Baseline

_CPU = "a CPU"


def other_hardware(baseline: Baseline, meter: str, gpu: str | None) -> str | None:
    """Why no entry of the baseline is about this machine, in a sentence that names both GPUs.

    Args:
        baseline: with or without entries of the meter.
        meter: that measures here.
        gpu: of this machine; None on a CPU.

    Returns:
        None where an entry was measured on this hardware, where none was measured with this meter at all, and for
        predictions, which are not about the machine that they are made on.
    """
    entries = [entry for entry in baseline.cells.values() if entry.meter == meter]
    if meter == PREDICT or not entries or any(entry.gpu == gpu for entry in entries):
        return None
    others = " and ".join(sorted({entry.gpu or _CPU for entry in entries}))
    return (
        f"the baseline was measured on {others}, and this machine measures on {gpu or _CPU}: check there, "
        f"or add entries of this one with --update --meter {meter} --grid GRID.yaml."
    )


def machine_versions(meter: str) -> dict[str, str]:
    """Versions outside of Python that decide what a meter measures; none for a prediction, and none on a CPU.

    Returns:
        For ``cuda``: ``cuda``, of which PyTorch was built, and ``cuda_driver``, the newest CUDA that the driver runs;
        what cannot be read is left out.
    """
    if meter != "cuda":
        return {}
    from ladderscope.environment import cuda_versions

    return cuda_versions()
