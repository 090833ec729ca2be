"""Ctrl-C while a law is fitted."""

from __future__ import annotations

import io
import os
import signal
import time

import pytest
from rich.console import Console

from ladderscope.cli.fit_progress import FitProgress


def test_ctrl_c_stops_within_seconds_where_nothing_ticks() -> None:
    told = io.StringIO()
    start = time.monotonic()

    with (
        pytest.raises(KeyboardInterrupt),
        FitProgress(Console(file=told, width=80)) as progress,
        progress.stops_on_interrupt(),
    ):
        os.kill(os.getpid(), signal.SIGINT)
        while time.monotonic() < start + 20:
            time.sleep(0.01)

    assert time.monotonic() - start < 5
    assert told.getvalue() == "Stopping within seconds; Ctrl-C again stops at once.\n"


def test_work_that_nobody_stops_is_left_alone_and_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGALRM)

    with FitProgress(Console(file=io.StringIO())) as progress, progress.stops_on_interrupt():
        time.sleep(1.1)

    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
