"""Threads: dispatch modes belong to the thread that enters them, so each thread that starts inside enters one."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

from ladderscope.memory.predict.device import SimulatedDevice
from ladderscope.memory.predict.dispatch import DeviceMode
from ladderscope.memory.predict.refusals import unknown_operation
from ladderscope.memory.predict.rules import Rules
from ladderscope.torch_internals import FollowingMode


class SharedDeviceMode(DeviceMode):
    """Follows operations one at a time, whichever thread they come from.

    Args:
        device: the simulated device.
        rules: what CUDA would do.
    """

    supports_higher_order_operators = True
    """They come here too, to be refused in a sentence."""

    def __init__(self, device: SimulatedDevice, rules: Rules) -> None:
        super().__init__(device, rules)
        self._one_at_a_time = device.lock

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        with self._one_at_a_time:
            try:
                return super().__torch_dispatch__(func, types, args, kwargs)
            except NotImplementedError as error:
                raise unknown_operation(func, error) from error


class _ThreadMode(FollowingMode):
    """Hands what another thread runs to the one mode that follows everything."""

    def __init__(self, shared: DeviceMode) -> None:
        super().__init__()
        self._shared = shared

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return self._shared.__torch_dispatch__(func, types, args, kwargs)


@contextmanager
def followed_threads(shared: DeviceMode) -> Iterator[None]:
    """Inside, threads that start are followed, and so is what is handed to a pool of threads, started before or not.

    A thread of its own that started before, and runs operations on ``cuda`` inside, gets PyTorch's error.

    Args:
        shared: the mode that follows operations; it must be one that takes them from several threads.
    """
    follow = _follower(shared)
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit

    def started(thread: threading.Thread) -> None:
        run = thread.run
        setattr(thread, "run", _once(thread, follow(run)))  # noqa: B010 (mypy knows it as a method)
        start(thread)

    def submitted(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return submit(pool, follow(function), *args, **kwargs)

    with (
        mock.patch.object(threading.Thread, "start", started),
        mock.patch.object(ThreadPoolExecutor, "submit", submitted),
    ):
        yield


def _follower(shared: DeviceMode) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    here = threading.local()

    def follow(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def followed(*args: Any, **kwargs: Any) -> Any:
            if getattr(here, "is_followed", False):
                return function(*args, **kwargs)
            here.is_followed = True
            try:
                with _ThreadMode(shared):
                    return function(*args, **kwargs)
            finally:
                here.is_followed = False

        return followed

    return follow


def _once(thread: threading.Thread, run: Callable[[], None]) -> Callable[[], None]:
    """Run, and let go of the thread, which holds what it runs."""

    def running() -> None:
        del thread.__dict__["run"]
        run()

    return running
