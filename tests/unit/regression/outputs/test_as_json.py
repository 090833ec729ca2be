from __future__ import annotations

import json

from ladderscope.regression.outputs.as_json import check_json
from ladderscope.regression.verdict import CheckResult
from tests.unit.regression.verdicts import make_entry


def test_holds_all_of_the_check_as_json(mixed: CheckResult) -> None:
    values = json.loads(json.dumps(check_json(mixed)))
    assert values["exit_code"] == 1
    assert values["limits"] == {"peak_allocated": "0", "peak_reserved": "2%"}
    assert values["outcomes"] == {"regression": 1, "failed": 1, "missing": 1, "improvement": 1, "same": 1}
    assert values["unchecked"] == {"measured on cuda": 2}
    assert [entry["outcome"] for entry in values["entries"]] == [v.outcome for v in mixed.verdicts]


def test_changes_are_in_bytes_and_growths_name_their_places(mixed: CheckResult) -> None:
    entry = check_json(mixed)["entries"][0]
    before = make_entry().metrics["peak_allocated"]
    peak = entry["changes"][0]
    assert (peak["metric"], peak["before"], peak["after"]) == ("peak_allocated", before, before + 2 * 2**20)
    assert (peak["change"], peak["allowed"], peak["regression"]) == (2 * 2**20, 0, True)
    assert entry["growths"][0] == {
        "moment": "peak",
        "category": "activations",
        "place": "side_network.blocks.3: clone",
        "places": 1,
        "before_bytes_each": 0,
        "after_bytes_each": 2 * 2**20,
        "change_bytes": 2 * 2**20,
    }
    assert entry["causes"][0] == "At the peak, activations grew by 2.00 MiB:"
    assert entry["kind"] == "predicted"


def test_what_could_not_be_measured_has_its_whole_error_and_no_metrics(mixed: CheckResult) -> None:
    entry = check_json(mixed)["entries"][1]
    assert entry["error"] == "RuntimeError: no room\ntraceback"
    assert entry["metrics"] == {}
    assert entry["status"] == {"before": "ok", "after": None}


def test_an_interrupted_check_is_not_fine_and_names_what_was_not_run(interrupted: CheckResult) -> None:
    values = json.loads(json.dumps(check_json(interrupted)))
    assert values["exit_code"] == 130
    assert values["interrupted"] is True
    assert values["not_run"] == ["b | c", "d"]


def test_a_whole_check_was_not_interrupted(mixed: CheckResult) -> None:
    values = check_json(mixed)
    assert (values["interrupted"], values["not_run"]) == (False, [])
