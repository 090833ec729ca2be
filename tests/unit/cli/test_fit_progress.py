from __future__ import annotations

import io
import os
import signal

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
