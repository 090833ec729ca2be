"""A quick run beside the committed ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ladderscope.records import Answers, Cell, EvalLoss, Memory, Record
from ladderscope.studies.compare import HELD, agreement_lines, agreements


def record(cell: Cell, peak: int, seconds: list[float]) -> Record:
    memory = Memory(peak_allocated_bytes=peak, peak_reserved_bytes=None, peak_rss_bytes=None, breakdown_bytes={})
    return Record(cell=cell, meter="cpu", status="ok", memory=memory, step_seconds=seconds)


def test_only_cells_of_both_are_compared(tiny_cell: Callable[..., Cell]) -> None:
    short, long = tiny_cell(seq_len=32), tiny_cell(seq_len=64)
    committed = [record(short, 100, [2.0]), record(long, 200, [4.0])]
    quick = [record(short, 100, [3.0]), record(tiny_cell(seq_len=16), 7, [1.0])]
    peak, seconds = agreements(quick, committed)
    assert (peak.quantity, peak.cells, peak.lowest, peak.highest) == ("peak allocated", 1, 0.0, 0.0)
    assert (seconds.quantity, seconds.lowest) == ("seconds per step", 0.5)


def test_lines_say_exactly_or_how_far_apart(tiny_cell: Callable[..., Cell]) -> None:
    cells = [tiny_cell(seq_len=32), tiny_cell(seq_len=64)]
    committed = [record(cell, 100, []) for cell in cells]
    assert agreement_lines(agreements(committed, committed)) == [
        "peak allocated: exactly the committed value, 2 cells"
    ]
    quick = [record(cell, peak, []) for cell, peak in zip(cells, (90, 101), strict=True)]
    assert agreement_lines(agreements(quick, committed)) == [
        "peak allocated: 0.9000 to 1.0100 times the committed value, 2 cells"
    ]


def test_another_meter_is_not_compared(tiny_cell: Callable[..., Cell]) -> None:
    quick = record(tiny_cell(), 1, [])
    (line,) = agreement_lines(agreements([quick], [dataclasses.replace(quick, meter="cuda")]))
    assert "nothing to compare with" in line


def test_a_tolerance_holds_for_all_but_seconds(tiny_cell: Callable[..., Cell]) -> None:
    committed, quick = record(tiny_cell(), 100, [1.0]), record(tiny_cell(), 101, [9.0])
    peak, seconds = agreements([quick], [committed])
    assert (peak.is_within({peak.quantity: 0.02}), peak.is_within({peak.quantity: 0.005})) == (True, False)
    assert seconds.quantity not in HELD
    assert seconds.is_within(dict.fromkeys(HELD, 0.0))


def test_a_record_without_numbers_agrees_with_nothing(tiny_cell: Callable[..., Cell]) -> None:
    failed = Record(cell=tiny_cell(), meter="cpu", status="error", error="no luck")
    assert agreements([failed], [record(tiny_cell(), 100, [])]) == []


def test_losses_are_compared_by_ratio(tiny_cell: Callable[..., Cell]) -> None:
    def trained(loss: float) -> Record:
        return Record(cell=tiny_cell(), meter="cpu", status="ok", eval_loss=EvalLoss(before=9.0, after=loss))

    (found,) = agreements([trained(0.03)], [trained(0.02)])
    assert agreement_lines([found]) == ["loss after: 1.5000 to 1.5000 times the committed value, 1 cell"]
    assert (found.is_within({found.quantity: 0.51}), found.is_within({found.quantity: 0.49})) == (True, False)


def test_accuracies_are_compared_in_points_over_all_test_sets(tiny_cell: Callable[..., Cell]) -> None:
    def answered(**sets: str) -> Record:
        answers = {name: Answers(correct=bits) for name, bits in sets.items()}
        return Record(cell=tiny_cell(), meter="cpu", status="ok", answers=answers)

    committed = answered(a="1111", b="10")
    (found,) = agreements([answered(a="1111", b="00")], [committed])
    assert agreement_lines([found]) == ["accuracy: -25.0 to -25.0 points from the committed value, 1 cell"]
    assert (found.is_within({found.quantity: 0.26}), found.is_within({found.quantity: 0.24})) == (True, False)
    (found,) = agreements([committed], [answered(a="0000", b="00")])
    assert (found.is_within({found.quantity: 0.8}), found.is_within({found.quantity: 0.7})) == (True, False)
    (found,) = agreements([answered(a="0000")], [answered(a="0000")])
    assert found.is_within({found.quantity: 0})
