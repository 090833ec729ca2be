"""Threads: dispatch modes belong to the thread that enters them, so each thread that starts inside enters one."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

from ladderscope.memory.predict.dispatch import DeviceMode
from ladderscope.memory.predict.refusals import unknown_operation
from ladderscope.torch_internals import FollowingMode


class SharedDeviceMode(DeviceMode):
    """Follows operations of several threads, and says what it cannot follow."""

    supports_higher_order_operators = True
    """They come here too, to be refused in a sentence."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return super().__torch_dispatch__(func, types, args, kwargs)
        except NotImplementedError as error:
            raise unknown_operation(func, error) from error


class _ThreadMode(FollowingMode):
    """Hands what another thread runs to the one mode that follows everything, as long as that does."""

    supports_higher_order_operators = True

    def __init__(self, following: list[DeviceMode]) -> None:
        super().__init__()
        self._following = following

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        for shared in self._following:
            return shared.__torch_dispatch__(func, types, args, kwargs)
        return func(*args, **(kwargs or {}))


@contextmanager
def followed_threads(shared: DeviceMode) -> Iterator[None]:
    """Inside, threads that start are followed, and so is what is handed to a pool of threads, started before or not.

    A thread of its own that started before, and runs operations on ``cuda`` inside, gets PyTorch's error.

    Args:
        shared: the mode that follows operations; it must be one that takes them from several threads.
    """
    following = [shared]
    follow = _follower(following)
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
        try:
            yield
        finally:
            following.clear()  # threads of a pool live on, and are to run as ever


def _follower(following: list[DeviceMode]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    here = threading.local()

    def follow(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def followed(*args: Any, **kwargs: Any) -> Any:
            if getattr(here, "is_followed", False):
                return function(*args, **kwargs)
            here.is_followed = True
            try:
                with _ThreadMode(following):
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
