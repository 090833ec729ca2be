"""What executors on an engine share: jobs that run elsewhere, and one thread that watches them."""

from __future__ import annotations

import signal
import threading
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ladderscope.records import Record
from ladderscope.sweep.executor import Executor
from ladderscope.sweep.process import Tick
from ladderscope.sweep.protocol import Job

_LEAVE_SECONDS = 10.0
"""How long the end of a sweep waits for the thread, which may be waiting for the engine."""


@dataclass(eq=False)
class Held:
    """A job that was submitted and has not ended; an engine adds what it knows of it."""

    job: Job
    tick: Tick
    future: Future[Record | None] = field(default_factory=Future, init=False)
    is_ending: bool = field(default=False, init=False)
    """Whether the engine has been told to end it."""

    def begin(self) -> bool:
        """The job runs: whether nobody has taken it back. For the watching thread alone."""
        if self.future.running():
            return True
        # A future that was told twice that it is cancelled raises.
        return not self.future.cancelled() and self.future.set_running_or_notify_cancel()


def done_with_nothing() -> Future[Record | None]:
    """What ``submit`` gives once all has been cancelled."""
    future: Future[Record | None] = Future()
    future.set_result(None)
    return future


HeldT = TypeVar("HeldT", bound=Held)


class WatchedExecutor(Executor, Generic[HeldT]):
    """Futures for jobs that run elsewhere.

    ``cancel`` and ``Future.cancel`` only note what is wanted, under a lock that nobody holds while an engine is asked;
    the thread does it. So Ctrl-C is heard however long the engine takes. An executor that is ready calls ``start``,
    and defines:

    - ``submit``, which ends with ``hold``;
    - ``look``, which calls ``begin`` on jobs that run and ``settle`` with what has ended;
    - ``end``, which ends jobs.

    Args:
        name: of the thread.
        look_seconds: between two looks.
    """

    def __init__(self, name: str, look_seconds: float) -> None:
        self._look_seconds = look_seconds
        self._held: dict[HeldT, None] = {}
        self._taken_back: list[HeldT] = []
        self._error: Exception | None = None
        self._lock = threading.Lock()
        self._cancelled, self._closed, self._woken = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)

    @abstractmethod
    def look(self) -> None:
        """See what has become of the jobs that are held. Called by the thread, as ``end`` is."""

    @abstractmethod
    def end(self, jobs: Sequence[HeldT]) -> bool:
        """End the jobs, whether they run or wait; False where that has to be tried again."""

    def describe_loss(self, error: Exception) -> Exception:
        """What the futures are given where watching has failed with this error."""
        return error

    @property
    def is_cancelled(self) -> bool:
        """Whether ``cancel`` was called."""
        return self._cancelled.is_set()

    @property
    def held(self) -> list[HeldT]:
        """What was submitted and is neither settled nor taken back, in that order."""
        with self._lock:
            return list(self._held)

    def hold(self, one: HeldT) -> Future[Record | None]:
        """Watch the job from now on."""
        with self._lock:
            if self._error is not None:
                one.future.set_exception(self._error)
                return one.future
            self._held[one] = None
        one.future.add_done_callback(lambda future: self._take_back(one) if future.cancelled() else None)
        return one.future

    def settle(self, one: HeldT, record: Record | None) -> None:
        """The job has given this."""
        if self._let_go(one) and one.begin():
            one.future.set_result(record)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def cancel(self) -> None:
        """Have the thread end all jobs."""
        self._cancelled.set()
        self._woken.set()

    def close(self) -> None:
        """Stop watching, once what was cancelled or taken back has been ended."""
        self._closed.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(_LEAVE_SECONDS)

    def _let_go(self, one: HeldT) -> bool:
        """Whether the job was held."""
        with self._lock:
            was_held = one in self._held
            self._held.pop(one, None)
        return was_held

    def _take_back(self, one: HeldT) -> None:
        """Noted only: a call to the engine takes its time, and there may be a thousand."""
        if self._let_go(one):
            with self._lock:
                self._taken_back.append(one)

    def _watch(self) -> None:
        # Programs that this thread starts inherit it: Ctrl-C on the terminal is the sweep's to handle.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            while not self._closed.is_set():
                self._woken.wait(self._look_seconds)
                self._woken.clear()
                if not self._closed.is_set():
                    self.look()
                self._end_unwanted()
            self._end_unwanted()  # what was taken back between the last look and the end
        except Exception as error:
            self._give_up(self.describe_loss(error))

    def _end_unwanted(self) -> None:
        with self._lock:
            taken_back, self._taken_back = self._taken_back, []
            cancelled = [one for one in self._held if not one.is_ending] if self.is_cancelled else []
        if not taken_back and not cancelled:
            return
        if self.end([*taken_back, *cancelled]):
            for one in cancelled:
                one.is_ending = True
        else:
            with self._lock:
                self._taken_back += taken_back

    def _give_up(self, error: Exception) -> None:
        """Nobody may wait for what does not come."""
        with self._lock:
            self._error = error
            held, self._held = list(self._held), {}
        for one in held:
            if one.begin():
                one.future.set_exception(error)
