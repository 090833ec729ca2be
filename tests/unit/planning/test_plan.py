"""Plans of tiny models on tiny GPUs: every number is that of a direct prediction."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from ladderscope.memory.predict.gpus import Gpu, find_gpu
from ladderscope.planning.forecasts import Fit, Forecasts
from ladderscope.planning.knobs import Knob, knobs_of
from ladderscope.planning.plan import Plan, ask, make_plans, search_batch, search_length, turn_knobs
from ladderscope.planning.text import print_plans
from ladderscope.predict import predict_cell
from ladderscope.records import Cell, Phase

MakeCell = Callable[..., Cell]
TIGHT = find_gpu("0.465GiB:sm86")
"""The less room, the fewer sizes there are to search."""


def _plan(cell: Cell, *stages: Callable[[Plan, Forecasts], None]) -> Plan:
    plan, forecasts = Plan(cell, TIGHT), Forecasts()
    for stage in (ask, *stages):
        stage(plan, forecasts)
    return plan


def _fits(cell: Cell, **changes: Any) -> bool:
    return predict_cell(dataclasses.replace(cell, **changes), TIGHT).record.status == "ok"


A_FEW_KNOBS = ("reduction 4", "loss in chunks", "rows of 256 tokens")


@pytest.fixture(scope="module")
def ladder_plan() -> Plan:
    """Ladder on rows of 512 tokens, which do not fit."""
    cell = Cell(
        model="random:tiny-llama",
        method="ladder",
        reduction_factor=2,
        quantization="nf4-dq",
        seq_len=512,
        data="random",
    )
    knobs = [knob for knob in knobs_of(cell) if knob.name in A_FEW_KNOBS]
    assert len(knobs) == len(A_FEW_KNOBS)
    with pytest.MonkeyPatch.context() as patch:
        # As fewer predictions are enough: which knobs there are, other tests say.
        patch.setattr("ladderscope.planning.plan.knobs_of", lambda cell: knobs)
        return _plan(cell, search_batch, search_length, turn_knobs)


@pytest.mark.slow
def test_the_largest_batch_fits_and_the_next_does_not(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(method="lora", seq_len=96, dtype="bf16")
    plan = _plan(cell, search_batch)
    assert plan.batch is not None
    assert plan.batch.fit is not None
    rows = plan.batch.value
    assert rows > 1
    assert plan.batch.next_value == rows + 1
    assert _fits(cell, batch_size=rows)
    assert not _fits(cell, batch_size=rows + 1)
    assert plan.batch.fit.peak_reserved_bytes <= TIGHT.usable_bytes


def test_the_longest_row_fits_and_the_next_does_not(ladder_plan: Plan) -> None:
    length = ladder_plan.length
    assert length is not None
    assert length.step == 64
    assert length.next_value == length.value + 64
    assert _fits(ladder_plan.cell, seq_len=length.value)
    assert not _fits(ladder_plan.cell, seq_len=length.value + 64)


def test_what_is_asked_for_is_the_cells_prediction(ladder_plan: Plan) -> None:
    asked = ladder_plan.asked
    forecast = predict_cell(ladder_plan.cell, TIGHT).record.forecast
    assert asked is not None
    assert forecast is not None
    assert (asked.phases, asked.fits) == (forecast.phases, False)
    assert asked.headroom_bytes == forecast.usable_bytes - asked.peak_reserved_bytes < 0
    assert ladder_plan.batch is not None
    assert (ladder_plan.batch.value, ladder_plan.batch.fit) == (0, None)


def test_changes_are_direct_predictions_with_the_largest_saving_first(ladder_plan: Plan) -> None:
    changes, asked = ladder_plan.changes, ladder_plan.asked
    assert changes
    assert asked is not None
    savings = [change.saved_bytes for change in changes]
    assert savings == sorted(savings, reverse=True)
    assert savings[0] > 0
    for change in changes[:2]:
        record = predict_cell(change.knobs[0].applied_to(ladder_plan.cell), TIGHT).record
        assert record.forecast is not None
        reserved = max(phase.peak_reserved_bytes for phase in record.forecast.phases.values())
        assert change.fit.phases == record.forecast.phases
        assert change.fit.fits == (record.status == "ok")
        assert change.saved_bytes == asked.peak_reserved_bytes - reserved


def _printed(plan: Plan, width: int) -> str:
    output = io.StringIO()
    print_plans([plan], Console(file=output, width=width))
    return output.getvalue()


@pytest.mark.parametrize("width", [60, 80, 160])
def test_what_to_change_is_shown_at_every_width(width: int, ladder_plan: Plan) -> None:
    changes = _printed(ladder_plan, width).partition("what saves memory")[2]
    assert ladder_plan.changes is not None
    for option in (change.knobs[0].option for change in ladder_plan.changes if change.saved_bytes > 0):
        assert option in changes


def test_options_are_broken_between_settings_alone(ladder_plan: Plan) -> None:
    assert ladder_plan.changes is not None
    settings = "backbone_chunk_tokens=2048 checkpoint_blocks=true"
    lean = Knob("lean side network", f"--loss-impl chunked --set '{settings}'", {})
    change = dataclasses.replace(ladder_plan.changes[0], knobs=(lean,), saved_bytes=2**20)
    printed = _printed(dataclasses.replace(ladder_plan, changes=[change]), 80)
    for part in lean.option.split():
        assert part in printed
    assert max(map(len, printed.splitlines())) <= 80


class Additive(Forecasts):
    """Forecasts of a training run of 1000 bytes, of which every change saves its share, on a GPU of ``usable``."""

    def __init__(self, usable: int) -> None:
        super().__init__()
        self._usable = usable

    def of(self, cell: Cell, gpu: Gpu, alloc_conf: str | None = None) -> Fit:
        saved = 300 * cell.gradient_checkpointing + 100 * (cell.loss_impl == "chunked") + 10 * (cell.rank == 2)
        needed = 1000 - saved - 400 * (cell.seq_len == 64)
        phases = {"steady step": Phase(peak_allocated_bytes=needed, peak_reserved_bytes=needed)}
        return Fit(cell, self._usable, phases, None if needed <= self._usable else self._usable, ())


@pytest.mark.parametrize(
    ("usable", "names"),
    [
        (600, None),  # shorter rows alone are enough
        (595, ["gradient checkpointing", "loss in chunks", "rank 2"]),
        (200, ["gradient checkpointing", "loss in chunks", "rank 2", "rows of 64 tokens"]),
        (100, None),
    ],
)
def test_several_changes_are_put_together_where_none_is_enough_the_shape_last(
    usable: int, names: list[str] | None, tiny_cell: MakeCell
) -> None:
    plan, forecasts = Plan(tiny_cell(seq_len=128, dtype="bf16"), TIGHT), Additive(usable)
    ask(plan, forecasts)
    turn_knobs(plan, forecasts)
    assert (plan.together and [knob.name for knob in plan.together.knobs]) == names
    if plan.together is not None:
        assert plan.together.fit.fits
        assert plan.together.saved_bytes == 1000 - plan.together.fit.peak_reserved_bytes


def test_parts_are_announced_and_their_number_never_moves(tiny_cell: MakeCell) -> None:
    told: list[tuple[int, int, str]] = []
    gpus = [TIGHT, find_gpu("8GiB:sm86")]
    for _ in make_plans([tiny_cell()], gpus, Additive(2000), lambda *part: told.append(part)):
        pass
    assert [(number, total) for number, total, _ in told] == [(number, 8) for number in range(1, 9)]
    assert [what for _, _, what in told[:3]] == [
        "peak of lora r=4 on 0.465GiB:sm86",
        "peak of lora r=4 on 8GiB:sm86",
        "largest batch of lora r=4 on 0.465GiB:sm86",
    ]


def test_a_cell_is_predicted_once() -> None:
    forecasts = Forecasts()
    cell = Cell(model="random:tiny-llama", method="lora", rank=4, seq_len=32, data="random")
    first = forecasts.of(cell, TIGHT)
    assert forecasts.of(dataclasses.replace(cell), TIGHT) is first
    assert forecasts.count == 1
    assert forecasts.of(cell, find_gpu("1GiB:sm86")).usable_bytes > first.usable_bytes
    assert forecasts.count == 2


KNOBS = {
    "full": ["LoRA instead of all weights", "8-bit AdamW", "gradient checkpointing"],
    "lora": ["backbone in nf4-dq (QLoRA)", "rank 2", "gradient checkpointing"],
    "qlora": ["backbone in nf4-dq", "rank 2", "loss in chunks"],
    "ladder": ["backbone in nf4-dq", "reduction 4", "lean side network", "recomputed side blocks"],
    "lst": ["backbone in nf4-dq", "reduction 4", "recomputed side blocks"],
}


@pytest.mark.parametrize("method", KNOBS)
def test_knobs_follow_from_the_method(method: str, tiny_cell: MakeCell) -> None:
    knobs = {knob.name for knob in knobs_of(tiny_cell(method=method, seq_len=256, batch_size=2))}
    shared = {"paged 8-bit AdamW", "expandable segments", "rows of 128 tokens", "batch of 1, 2 accumulated"}
    assert knobs >= {*KNOBS[method], *shared, "backbone in bf16"}
    assert ("gradient checkpointing" in knobs) == (method not in ("ladder", "lst"))


def test_those_who_have_several_gpus_may_shard_or_take_more(tiny_cell: MakeCell) -> None:
    def on_gpus(parallel: str, num_gpus: int) -> set[str]:
        return {knob.option for knob in knobs_of(tiny_cell(method="full", parallel=parallel, num_gpus=num_gpus))}

    assert "--parallel fsdp" in on_gpus("ddp", 2)
    assert "--num-gpus 4" in on_gpus("fsdp", 2)
    assert "--loss-impl chunked" not in on_gpus("fsdp", 2)  # which wrapped models do not notice
    assert not {"--parallel fsdp", "--num-gpus 2"} & on_gpus("none", 1)


def test_what_is_turned_already_is_no_knob(tiny_cell: MakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_ALLOC_CONF", "expandable_segments:True")
    cell = tiny_cell(
        method="qlora",
        quantization="nf4-dq",
        dtype="bf16",
        rank=1,
        loss_impl="chunked",
        gradient_checkpointing=True,
        optimizer="paged-adamw-8bit",
    )
    assert knobs_of(cell) == []


def test_the_allocators_other_settings_stay(tiny_cell: MakeCell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_ALLOC_CONF", "max_split_size_mb:128")
    (knob,) = [knob for knob in knobs_of(tiny_cell()) if knob.alloc_conf]
    assert knob.alloc_conf == "expandable_segments:True,max_split_size_mb:128"


def test_options_of_a_knob_are_those_of_its_cell(tiny_cell: MakeCell) -> None:
    cell = tiny_cell(method="ladder", settings="gate=none")
    (lean,) = [knob for knob in knobs_of(cell) if knob.name == "lean side network"]
    assert lean.applied_to(cell).settings == "backbone_chunk_tokens=2048 checkpoint_blocks=true gate=none"
    assert lean.applied_to(cell).settings in lean.option
    assert lean.applied_to(cell).loss_impl == "chunked"
