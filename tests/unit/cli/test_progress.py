"""What the bar of a sweep says."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from ladderscope.cli.progress import SweepProgress
from ladderscope.records import Cell, Record
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
