from __future__ import annotations

import io
import os
import signal
import time

import pytest
from rich.console import Console

from ladderscope.cli.fit_progress import FitProgress


def test_what_is_at_work_and_the_time_left_are_shown_on_a_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)

    with FitProgress(console) as progress:
        progress.tick(0.25, "ladder against qlora")
        progress.say("done so far")

    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "25% ladder against qlora" in shown
    assert "left" in shown


def test_nothing_is_shown_where_there_is_no_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=False)

    with FitProgress(console) as progress:
        progress.tick(0.25, "ladder against qlora")

    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == ""


def test_ctrl_c_stops_at_the_next_tick() -> None:
    with FitProgress(Console(file=io.StringIO())) as progress, progress.stops_on_interrupt():
        progress.tick(0.1, "ladder")
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress.tick(0.2, "ladder")


def test_ctrl_c_stops_within_seconds_where_nothing_ticks() -> None:
    told = io.StringIO()
    start = time.monotonic()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        while time.monotonic() < start + 20:
            time.sleep(0.01)

    def stopped() -> None:
        with FitProgress(Console(file=told, width=80)) as progress, progress.stops_on_interrupt():
            work()

    with pytest.raises(KeyboardInterrupt):
        stopped()

    assert time.monotonic() - start < 5
    assert told.getvalue() == "Stopping within seconds; Ctrl-C again stops at once.\n"


def test_work_that_nobody_stops_is_left_alone_and_signals_are_as_before() -> None:
    before = signal.getsignal(signal.SIGALRM)

    with FitProgress(Console(file=io.StringIO())) as progress, progress.stops_on_interrupt():
        time.sleep(1.1)

    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
