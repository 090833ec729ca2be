"""What the bar of a sweep says."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from ladderscope.cli import progress as progress_module
from ladderscope.cli.check_progress import CheckProgress
from ladderscope.cli.progress import SweepProgress
from ladderscope.records import Cell, Record
from ladderscope.stages import fraction_at
from ladderscope.sweep.protocol import Job


def test_the_bar_counts_cells_by_state(tiny_cell: Callable[..., Cell]) -> None:
    jobs = [Job(tiny_cell(seed=seed), "cpu", gpu=None, num_threads=1) for seed in range(4)]
    with SweepProgress(Console(file=io.StringIO()), len(jobs)) as progress:
        assert progress.states == "0/4 cells, 4 waiting"
        progress.tick(jobs[0], 0.0)
        progress.tick(jobs[1], 0.5)
        assert progress.states == "0/4 cells, 2 running, 2 waiting"
        progress.finish(Record(cell=jobs[0].cell, meter="cpu", status="ok"))
        progress.finish(Record(cell=jobs[1].cell, meter="cpu", status="oom", error="no memory"))
        assert progress.states == "2/4 cells, 2 waiting, 1 not ok"


def test_a_line_names_what_differs_among_the_cells_of_the_run(tiny_cell: Callable[..., Cell]) -> None:
    cells = [tiny_cell(), tiny_cell(gradient_checkpointing=True)]
    told = io.StringIO()
    with SweepProgress(Console(file=told), len(cells), cells) as progress:
        for cell in cells:
            progress.finish(Record(cell=cell, meter="predict", gpu="8GiB:sm86", status="error", error="no luck"))
    first, second = told.getvalue().splitlines()
    assert first == "[1/2] random:tiny-llama lora r=4 32 tokens: error: no luck"
    assert second == "[2/2] random:tiny-llama lora r=4 32 tokens, gradient checkpointing: error: no luck"


def test_where_no_bar_is_drawn_a_measured_cell_says_that_it_has_begun_and_now_and_then_what_it_does(
    tiny_cell: Callable[..., Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = Job(tiny_cell(steps=4), "cpu", gpu=None, num_threads=1)
    told = io.StringIO()
    with SweepProgress(Console(file=told), 1) as progress:
        progress.tick(job, 0.0)
        progress.tick(job, fraction_at(1, 4))
        assert told.getvalue() == "random:tiny-llama lora r=4 32 tokens: begun\n"
        monkeypatch.setattr(progress_module, "SECONDS_BETWEEN_LINES", 0.0)
        progress.tick(job, fraction_at(5, 4))
    line = told.getvalue().splitlines()[1]
    assert re.fullmatch(r"random:tiny-llama lora r=4 32 tokens: step 3 of 4, \d+ s so far", line)


def test_a_prediction_is_over_too_soon_for_that(tiny_cell: Callable[..., Cell]) -> None:
    told = io.StringIO()
    with SweepProgress(Console(file=told), 1) as progress:
        progress.tick(Job(tiny_cell(), "predict", gpu="8GiB:sm86", num_threads=1), 0.5)
        assert progress.below() == []
    assert told.getvalue() == ""


def test_on_a_terminal_what_is_measured_is_at_is_under_the_bar(tiny_cell: Callable[..., Cell]) -> None:
    jobs = [Job(tiny_cell(seed=seed), "cpu", gpu=None, num_threads=1) for seed in range(5)]
    told = io.StringIO()
    with SweepProgress(Console(file=told, force_terminal=True, width=50), len(jobs)) as progress:
        for job in jobs:
            progress.tick(job, fraction_at(2, 2))
        shown = progress.below()
    assert len(shown) == 3
    assert shown[0].startswith("random:tiny-llama lora r=4 32 tokens: evaluating, ")
    assert "random:tiny-llama lora r=4 32 tokens: eva" in told.getvalue()
    assert "random:tiny-llama lora r=4 32 tokens: evaluating" not in told.getvalue()  # it would wrap


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass, and no other time passes."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def pass_seconds(seconds: float) -> None:
        now[0] += seconds

    return pass_seconds


def test_a_check_says_what_a_cell_does_and_also_how_long_the_rest_will_take(
    tiny_cell: Callable[..., Cell], clock: Callable[[float], None]
) -> None:
    jobs = [Job(tiny_cell(seed=seed, steps=2), "cpu", gpu=None, num_threads=1) for seed in range(6)]
    told = io.StringIO()
    with CheckProgress(Console(file=told), len(jobs), [job.cell for job in jobs]) as progress:
        for job in jobs:
            for stage in range(1, 6):
                clock(2.0)
                progress.tick(job, fraction_at(stage, 2))
            progress.finish(Record(cell=job.cell, meter="cpu", status="ok"))
    assert told.getvalue().splitlines() == [
        "random:tiny-llama lora r=4 32 tokens, seed 1: step 1 of 2, 4 s so far",
        "2 of 6 cells, about 40 s left",
        "random:tiny-llama lora r=4 32 tokens, seed 3: loading the model, 0 s so far",
        "4 of 6 cells, about 20 s left",
        "random:tiny-llama lora r=4 32 tokens, seed 4: step 2 of 2, 6 s so far",
    ]


def test_a_short_check_says_nothing(tiny_cell: Callable[..., Cell], clock: Callable[[float], None]) -> None:
    jobs = [Job(tiny_cell(seed=seed), "cpu", gpu=None, num_threads=1) for seed in range(7)]
    told = io.StringIO()
    with CheckProgress(Console(file=told), len(jobs)) as progress:
        for job in jobs:
            clock(2.0)
            progress.tick(job, 0.5)
            progress.finish(Record(cell=job.cell, meter="cpu", status="ok"))
    assert told.getvalue() == ""
