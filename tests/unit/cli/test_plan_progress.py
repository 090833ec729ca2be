"""What `ladderscope plan` says while it searches."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ladderscope.cli import plan_progress
from ladderscope.cli.plan_progress import PlanProgress


def test_it_says_what_is_searched_and_how_many_predictions_were_made() -> None:
    with PlanProgress(Console(file=io.StringIO())) as progress:
        progress.begin(2, 4, "largest batch of lora r=8")
        progress.tick(1.7)
        assert progress.state == "part 2 of 4: largest batch of lora r=8, 1 prediction so far"
        progress.tick(6.0)
        assert progress.state == "part 2 of 4: largest batch of lora r=8, 6 predictions so far"


def test_where_no_bar_is_drawn_a_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    with PlanProgress(Console(file=told)) as progress:
        progress.begin(1, 4, "peak of lora r=8")
        progress.tick(1.0)
        assert told.getvalue() == ""
        monkeypatch.setattr(plan_progress, "_SECONDS_PER_LINE", 0.0)
        progress.tick(2.0)
    assert told.getvalue() == "part 1 of 4: peak of lora r=8, 2 predictions so far\n"


def test_a_terminal_has_a_line_that_fits_and_promises_no_time() -> None:
    told = io.StringIO()
    with PlanProgress(Console(file=told, force_terminal=True, width=80)) as progress:
        progress.begin(3, 4, "longest row of lora r=8")
        progress.tick(9.0)
    shown = told.getvalue()
    assert "part 3 of 4: longest row of lora r=8, 9 predictions so far" in shown
    assert "left" not in shown
