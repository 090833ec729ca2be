"""Batches that are padded to their longest row: what fits, how likely it is that one does not, and where to cut."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Sequence

import pytest
from rich.console import Console

from ladderscope.memory.predict.gpus import Gpu, find_gpu
from ladderscope.planning.as_json import padded_values
from ladderscope.planning.forecasts import Fit, Forecasts
from ladderscope.planning.lengths import Lengths
from ladderscope.planning.padded import PaddedPlan, make_padded_plans
from ladderscope.planning.padded_text import format_chance, print_padded
from ladderscope.predict import predict_cell, predict_varied
from ladderscope.records import Cell, Phase

TIGHT = find_gpu("0.5GiB:sm86")
CELL = Cell(model="random:tiny-llama", method="qlora", rank=8, quantization="nf4-dq", data="random", batch_size=8)


class BytesPerToken(Forecasts):
    """A byte for each token of a batch, on a GPU of ``usable``; in a varied order ``lost`` more."""

    def __init__(self, usable: int, lost: int = 0) -> None:
        super().__init__()
        self._usable, self._lost = usable, lost

    def of(self, cell: Cell, gpu: Gpu, alloc_conf: str | None = None) -> Fit:
        return self._fit(cell, cell.batch_size * cell.seq_len)

    def of_steps(self, cell: Cell, gpu: Gpu, lengths: Sequence[int]) -> Fit:
        return self._fit(cell, cell.batch_size * max(lengths) + self._lost)

    def _fit(self, cell: Cell, needed: int) -> Fit:
        phases = {"steps": Phase(peak_allocated_bytes=needed, peak_reserved_bytes=needed)}
        return Fit(cell, self._usable, phases, None if needed <= self._usable else self._usable, ())


def _plan(lengths: Lengths, forecasts: Forecasts, cell: Cell = CELL, steps: int = 100) -> PaddedPlan:
    (plan,) = list(make_padded_plans([cell], [TIGHT], lengths, steps, forecasts))[-1]
    return plan


@pytest.mark.slow
def test_the_boundary_and_its_chances_on_a_tiny_gpu() -> None:
    """Of 100 rows 2 have a length that does not fit in a batch of 8."""
    plan = _plan(Lengths.of({64: 70, 160: 28, 170: 2}), Forecasts())
    assert plan.run.median == 160
    assert plan.limit is not None
    assert 160 <= plan.limit.value < 170
    assert plan.limit.next_value == plan.limit.value + 1
    assert plan.limit.fit is not None
    assert plan.limit.next_fit is not None
    assert plan.limit.fit.fits
    assert not plan.limit.next_fit.fits
    assert predict_cell(dataclasses.replace(CELL, seq_len=plan.limit.value + 1), TIGHT).record.status == "oom"
    assert plan.run.chance_in_step(plan.limit.value) == pytest.approx(1 - 0.98**8)
    assert plan.run.chance_in_run(plan.limit.value) == pytest.approx(1 - 0.98**800)
    assert plan.longest is not None
    assert plan.median is not None
    assert not plan.longest.fits
    assert plan.median.fits
    assert plan.varied is not None
    assert 0 < plan.varied.fit.peak_reserved_bytes <= TIGHT.usable_bytes
    assert max(plan.varied.lengths) == plan.limit.value
    assert 0 < (plan.safe or 0) <= plan.limit.value


def test_steps_of_one_length_take_what_a_cell_takes() -> None:
    cell = dataclasses.replace(CELL, batch_size=2, gradient_accumulation=2, seq_len=48)
    trace, alone = predict_varied(cell, TIGHT, [48, 48, 48]), predict_cell(cell, TIGHT).trace
    assert trace.peak_allocated_bytes == alone.peak_allocated_bytes
    assert [span.name for span in trace.spans] == ["load", "evaluation", "steps of varied length"]


def test_the_longest_of_differing_steps_decides_what_is_allocated() -> None:
    cell = dataclasses.replace(CELL, batch_size=2)
    span = "steps of varied length"
    orders = [[200, 120, 200], [200, 200], [120, 120]]
    varied, long, short = (predict_varied(cell, TIGHT, lengths).peak(span).allocated_bytes for lengths in orders)
    assert short < varied == long


def test_micro_batches_are_draws_too() -> None:
    cell = dataclasses.replace(CELL, batch_size=2, gradient_accumulation=3)
    plan = _plan(Lengths.of({10: 9, 20: 1}), BytesPerToken(usable=30), cell, steps=5)
    assert plan.limit is not None
    assert plan.limit.value == 15
    assert plan.run.chance_in_step(15) == pytest.approx(1 - 0.9**6)
    assert plan.run.chance_in_run(15) == pytest.approx(1 - 0.9**30)
    assert plan.run.expected_longest == pytest.approx(20 - 10 * 0.9**30)
    assert plan.run.padded(0.8) == 10  # 0.81 of the batches, not of the steps


def test_where_all_lengths_fit_nothing_is_cut() -> None:
    plan = _plan(Lengths.between(10, 20), BytesPerToken(usable=160))
    assert plan.limit is not None
    assert (plan.limit.value, plan.limit.next_value, plan.safe) == (20, None, 20)
    assert plan.run.chance_in_run(plan.limit.value) == 0.0
    assert "qlora r=8: no row need be cut." in _text(plan)


def test_where_nothing_fits_it_is_certain_to_run_out() -> None:
    plan = _plan(Lengths.between(10, 20), BytesPerToken(usable=7))
    assert plan.limit is not None
    assert (plan.limit.value, plan.limit.next_value, plan.safe, plan.varied) == (0, 1, 0, None)
    assert plan.run.chance_in_step(plan.limit.value) == 1.0
    text = _text(plan)
    assert "none" in text
    assert "certain" in text
    assert "no length is safe in batches of 8" in text


def test_where_a_varied_order_runs_out_the_cut_is_lower() -> None:
    """800 bytes hold 100 tokens in each row, but not with 70 that are lost: then 91."""
    plan = _plan(Lengths.between(60, 200), BytesPerToken(usable=800, lost=70))
    assert plan.limit is not None
    assert plan.varied is not None
    assert (plan.limit.value, plan.varied.fit.fits, plan.safe) == (100, False, 90)
    text = _text(plan)
    assert "cut rows at 90 tokens to be safe (110 of 141, 78 %)" in text
    assert "In a varied order it runs out with 100 tokens already" in text
    values = padded_values(plan)
    assert (values["cut_at"], values["rows_to_cut"]) == (90, 110)
    assert values["chance_step_runs_out"] == pytest.approx(1 - (41 / 141) ** 8)
    assert values["chance_step_exceeds_cut"] == pytest.approx(1 - (31 / 141) ** 8)


def test_the_order_gets_longer_and_then_shorter_within_the_lengths_of_the_data() -> None:
    plan = _plan(Lengths.between(60, 200), BytesPerToken(usable=800))
    assert plan.varied is not None
    assert plan.varied.lengths == (62, 75, 100, 87, 75, 62)
    narrow = _plan(Lengths.between(95, 200), BytesPerToken(usable=800))
    assert narrow.varied is not None
    assert set(narrow.varied.lengths) == {95, 100}


@pytest.mark.parametrize(
    ("chance", "text"),
    [
        (0.0, "0"),
        (1.0, "certain"),
        (3.21e-7, "3.2e-05 %"),
        (0.123, "12 %"),
        (0.9949, "99.5 %"),
        (0.9999, "over 99.9 %"),
    ],
)
def test_chances_never_round_to_certainty(chance: float, text: str) -> None:
    assert format_chance(chance) == text


@pytest.mark.parametrize("width", [60, 80, 200])
def test_tables_say_that_they_are_predicted_and_fit_the_terminal(width: int) -> None:
    text = _text(_plan(Lengths.between(10, 20), BytesPerToken(usable=120)), width)
    assert max(map(len, text.splitlines())) <= width
    joined = " ".join(text.split())
    assert "All sizes are predicted, none is measured" in joined
    assert "drawn with replacement" in joined
    assert "11 lengths from 10 to 20 tokens. A batch of 8 rows is padded to 20 tokens in the median" in joined


def test_parts_are_announced_and_their_number_never_moves() -> None:
    told: list[tuple[int, int, str]] = []
    lengths, forecasts = Lengths.between(10, 20), BytesPerToken(usable=120)
    for _ in make_padded_plans([CELL], [TIGHT], lengths, 100, forecasts, lambda *part: told.append(part)):
        pass
    assert told == [
        (number, 4, f"{what} of qlora r=8")
        for number, what in enumerate(("longest batch", "median batch", "limit", "varied order"), 1)
    ]


def test_a_plan_of_which_nothing_is_known_is_printed_with_question_marks() -> None:
    (plan,) = next(make_padded_plans([CELL], [TIGHT], Lengths.between(10, 20), 100, BytesPerToken(usable=120)))
    text = _text(plan)
    assert text.count("?") == 8
    assert math.isclose(plan.run.expected_longest, 20)


def _text(plan: PaddedPlan, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_padded([plan], console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
