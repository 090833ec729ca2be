"""Runs the body of a test under prediction."""

from __future__ import annotations

import contextlib
import functools
import gc
import warnings
from collections.abc import Iterator

import pytest

from ladderscope.errors import LadderscopeError
from ladderscope.records import DEFAULT_GPU
from ladderscope.regression.pytest_plugin.options import PREDICT
from ladderscope.regression.pytest_plugin.watch import Watched


def import_all() -> None:
    """Import what a prediction needs, which takes seconds; what that warns of is not the user's affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ladderscope.memory.predict import predict_memory

        # Where this cannot work, the first test says why.
        with contextlib.suppress(LadderscopeError), predict_memory(DEFAULT_GPU):
            pass


@contextlib.contextmanager
def predicted(gpu: str) -> Iterator[Watched]:
    """Inside, code for CUDA runs on a simulated GPU of that name.

    Settings of the allocator in the environment do not count: a limit is to mean the same on all machines. Where a
    prediction cannot begin, such as inside of another one, the test fails with the sentence that says so.
    """
    from ladderscope.memory.predict import predict_memory
    from ladderscope.memory.predict.gpus import find_gpu

    found = find_gpu(gpu)
    with _collection_starts_anew(), contextlib.ExitStack() as stack:
        try:
            trace = stack.enter_context(predict_memory(found, alloc_conf=""))
        except LadderscopeError as error:
            pytest.fail(str(error), pytrace=False)
        how = f"predicted for {found.title}"
        doubts = tuple(trace.rules.unverified)
        yield Watched(trace, PREDICT, found.name, how, lambda: bool(trace.events), known_doubts=doubts)


@functools.cache
def _somebody_else_freezes() -> bool:
    """Asked once, before the first body: counting them takes as long as going through all of them."""
    return gc.get_freeze_count() > 0


@contextlib.contextmanager
def _collection_starts_anew() -> Iterator[None]:
    """When Python collects cycles inside does not depend on what ran before, so a peak does not either.

    What is there already is left alone meanwhile, which also makes collections fast.
    """
    if _somebody_else_freezes():  # and is not to find it undone
        gc.collect()
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
