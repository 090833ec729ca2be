"""Runs the body of a test under prediction."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from ladderscope.regression.pytest_plugin.options import PREDICT
from ladderscope.regression.pytest_plugin.watch import Watched


@contextlib.contextmanager
def predicted(gpu: str) -> Iterator[Watched]:
    """Inside, code for CUDA runs on a simulated GPU of that name.

    Raises:
        UsageError: see :func:`~ladderscope.memory.predict.predict_memory`.
    """
    from ladderscope.memory.predict import predict_memory
    from ladderscope.memory.predict.gpus import find_gpu

    found = find_gpu(gpu)
    with _collection_starts_anew(), predict_memory(found) as trace:
        yield Watched(trace, PREDICT, found.name, f"predicted for {found.title}")


@contextlib.contextmanager
def _collection_starts_anew() -> Iterator[None]:
    """When Python collects cycles inside does not depend on what ran before, so a peak does not either.

    What is there already is left alone meanwhile, which also makes collections fast.
    """
    if gc.get_freeze_count():  # somebody has done so, and is not to find it undone
        gc.collect()
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
