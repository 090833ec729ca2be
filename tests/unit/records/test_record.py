from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from ladderscope.errors import LedgerError
from ladderscope.records import (
    SCHEMA_VERSION,
    Answers,
    Cell,
    Details,
    EvalLoss,
    Flops,
    Memory,
    Params,
    RankMemory,
    Record,
)


def whole_record(**changes: Any) -> Record:
    values: dict[str, Any] = {
        "cell": Cell(model="random:tiny-llama", method="lora", rank=4),
        "meter": "cpu",
        "status": "ok",
        "weights": "random",
        "memory": Memory(
            peak_allocated_bytes=30, peak_reserved_bytes=None, peak_rss_bytes=99, breakdown_bytes={"weights": 30}
        ),
        "params": Params(trainable=1, total=2),
        "flops": Flops(per_step=10, per_token=5.0, by_component={"head": 10}),
        "loss": [2.0, 1.0],
        "eval_loss": EvalLoss(before=2.0, after=1.5),
        "step_seconds": [9.0, 1.0, 3.0],
        "tokens_per_step": 4,
        "env": {"torch": "2.13.0"},
    }
    return Record(**{**values, **changes})


def test_a_record_survives_json() -> None:
    record = whole_record()
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_a_record_of_several_gpus_survives_json() -> None:
    states = {"weights": 5, "gradients": 5}
    ranks = [
        RankMemory(rank=rank, peak_allocated_bytes=30, peak_reserved_bytes=None, states_bytes=states)
        for rank in (0, 1)
    ]
    record = whole_record(cell=Cell(model="m", method="full", parallel="fsdp", num_gpus=2), ranks=ranks)
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record
    assert "ranks" not in whole_record().to_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": Cell(model="m", method="full", parallel="ddp", num_gpus=2)},
        {"ranks": [RankMemory(rank=0, peak_allocated_bytes=30, peak_reserved_bytes=None, states_bytes={})]},
    ],
    ids=["cell", "ranks"],
)
def test_records_of_several_gpus_make_older_versions_ask_for_an_upgrade(changes: dict[str, Any]) -> None:
    record = whole_record(**changes)
    values = record.to_json()
    assert (values["schema_version"], whole_record().to_json()["schema_version"]) == (2, 1)
    # As they were written at first.
    assert Record.from_json({**values, "schema_version": 1}) == record


def test_a_failed_record_survives_json() -> None:
    record = Record(cell=Cell(model="m", method="full"), meter="cpu", status="timeout", error="too slow")
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_json_names_the_cell_beside_its_settings() -> None:
    record = whole_record()
    assert record.to_json()["cell_id"] == record.cell.cell_id
    assert record.to_json()["cell"]["rank"] == 4


def test_the_first_step_does_not_count_for_the_speed() -> None:
    record = whole_record()
    assert record.seconds_per_step == 2.0
    assert record.tokens_per_second == 2.0


def test_the_only_step_counts_for_the_speed() -> None:
    assert whole_record(step_seconds=[3.0]).seconds_per_step == 3.0
    assert whole_record(step_seconds=[]).seconds_per_step is None


def test_a_newer_schema_is_refused_with_the_way_out() -> None:
    values = {**whole_record().to_json(), "schema_version": SCHEMA_VERSION + 1}
    with pytest.raises(LedgerError, match="upgrade ladderscope"):
        Record.from_json(values)


@pytest.mark.parametrize(
    "change",
    [{"status": "fine"}, {"surprise": 1}, {"cell": {"model": "m", "methd": "full"}}, {"memory": {"weights": 1}}],
)
def test_an_impossible_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(LedgerError):
        Record.from_json({**whole_record().to_json(), **change})


def test_a_record_without_status_is_refused() -> None:
    values = whole_record().to_json()
    del values["status"]
    with pytest.raises(LedgerError):
        Record.from_json(values)


DETAILS = Details(
    peak_at="backward, lm_head, mm",
    at_peak={"weights": {"model.layers.{0-3}.mlp: weight": 7}, "activations": {"lm_head: mm": 2}},
    saved_for_backward={"activations": {"lm_head: mm": 12}},
)


def with_newer_fields() -> Record:
    record = whole_record(details=DETAILS)
    assert record.memory is not None
    return dataclasses.replace(record, memory=dataclasses.replace(record.memory, saved_for_backward_bytes=12))


def test_what_forward_leaves_and_where_bytes_are_survives_json() -> None:
    record = with_newer_fields()
    values = json.loads(json.dumps(record.to_json()))
    assert values["memory"]["saved_for_backward_bytes"] == 12
    assert values["details"]["peak_at"] == "backward, lm_head, mm"
    assert Record.from_json(values) == record


def test_a_record_of_an_older_ledger_has_none_of_the_newer_fields() -> None:
    values = with_newer_fields().to_json()
    del values["details"], values["memory"]["saved_for_backward_bytes"]
    record = Record.from_json(values)
    assert record.details is None
    assert record.memory is not None
    assert record.memory.saved_for_backward_bytes is None


def test_newer_fields_without_a_value_are_not_written() -> None:
    values = whole_record().to_json()
    assert "details" not in values
    assert "forecast" not in values
    assert "saved_for_backward_bytes" not in values["memory"]
    assert values["memory"]["peak_reserved_bytes"] is None  # older ones always are


def test_nothing_left_for_backward_is_a_value() -> None:
    record = whole_record()
    assert record.memory is not None
    nothing = dataclasses.replace(record, memory=dataclasses.replace(record.memory, saved_for_backward_bytes=0))
    assert nothing.to_json()["memory"]["saved_for_backward_bytes"] == 0
    assert Record.from_json(nothing.to_json()) == nothing


def test_unknown_details_are_refused() -> None:
    values = with_newer_fields().to_json()
    values["details"]["surprise"] = 1
    with pytest.raises(LedgerError, match="surprise"):
        Record.from_json(values)


def test_answers_name_their_items_and_what_belongs_together_only_where_that_is_known() -> None:
    plain, grouped = Answers(correct="101"), Answers(correct="101", tokens=[3, 4, 5], groups=[0, 0, 7], items="ab12")
    record = whole_record(answers={"plain": plain, "grouped": grouped})
    written = json.loads(json.dumps(record.to_json()))
    assert written["answers"]["plain"] == {"correct": "101", "tokens": []}
    assert written["answers"]["grouped"]["groups"] == [0, 0, 7]
    assert Record.from_json(written) == record
