"""``study.yaml``: what it may hold, and what it is refused for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.studies.compare import HELD
from ladderscope.studies.definition import Claim, Definition, read_definition

CLAIM = {
    "id": "half",
    "text": "Half of it",
    "source": "a paper",
    "rule": "at most 0.55",
    "rule-written": "before any record",
    "kind": "paper",
}
WHOLE: dict[str, Any] = {"title": "A title", "claims": [CLAIM], "setup": "How.", "limits": ["Not much."]}


def read(tmp_path: Path, **changes: Any) -> Definition:
    path = tmp_path / "study.yaml"
    values = {name: value for name, value in {**WHOLE, **changes}.items() if value is not None}
    path.write_text(yaml.safe_dump(values))
    return read_definition(path)


def test_claims_come_with_their_rules(tmp_path: Path) -> None:
    found = read(tmp_path)
    (claim,) = found.claims
    assert claim == Claim(
        id="half",
        text="Half of it",
        source="a paper",
        rule="at most 0.55",
        rule_written="before any record",
        kind="paper",
    )
    assert (found.title, found.setup, found.limits) == ("A title", "How.", ("Not much.",))
    assert found.meter == "auto"


def test_a_rule_may_say_that_it_was_written_with_results_known(tmp_path: Path) -> None:
    marked, plain = {**CLAIM, "id": "fits", "rule-after-results": True}, CLAIM
    found = read(tmp_path, claims=[marked, plain])
    assert [claim.rule_after_results for claim in found.claims] == [True, False]


def test_a_study_that_names_a_gpu_is_predicted_for_it(tmp_path: Path) -> None:
    found = read(tmp_path, gpu="rtx-3060-12gb", grid=[{"seq-len": 64}, {"seq-len": 128, "gpu": "rtx-3090-24gb"}])
    assert [(document.grid, document.gpu) for document in found.grid] == [
        ({"seq_len": [64]}, "rtx-3060-12gb"),
        ({"seq_len": [128]}, "rtx-3090-24gb"),
    ]


def test_a_part_of_a_predicted_study_may_be_measured(tmp_path: Path) -> None:
    found = read(tmp_path, gpu="rtx-3060-12gb", meter="cpu", grid=[{"seq-len": 64}, {"seq-len": 64, "gpu": None}])
    assert [document.gpu for document in found.grid] == ["rtx-3060-12gb", None]
    assert found.meter == "cpu"


def test_bounds_of_rules_are_numbers_by_name(tmp_path: Path) -> None:
    found = read(tmp_path, bounds={"half": 0.55, "twice": 2}, **{"quick-tolerance": 0.01})
    assert found.bounds == {"half": 0.55, "twice": 2.0}
    assert found.quick_tolerance == dict.fromkeys(HELD, 0.01)


def test_a_quantity_may_have_a_tolerance_of_its_own_and_the_others_are_exact(tmp_path: Path) -> None:
    found = read(tmp_path, **{"quick-tolerance": {"loss after": 0.5, "accuracy": 0.1}}).quick_tolerance
    assert {quantity: found[quantity] for quantity in ("loss after", "accuracy", "FLOPs per step")} == {
        "loss after": 0.5,
        "accuracy": 0.1,
        "FLOPs per step": 0.0,
    }
    assert "seconds per step" not in found


def test_one_grid_needs_no_list(tmp_path: Path) -> None:
    (document,) = read(tmp_path, grid={"method": ["lora", "qlora"]}).grid
    assert document.grid == {"method": ["lora", "qlora"]}
    assert document.gpu is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"title": None}, "needs a title"),
        ({"setup": ["a"]}, "setup of .* must be text"),
        ({"claims": None}, "needs claims"),
        ({"claims": []}, "needs claims"),
        ({"claims": ["half"]}, "must map id, text, source, rule, rule-written, kind"),
        ({"claims": [{**CLAIM, "rule": ""}]}, "needs a rule"),
        ({"claims": [{**CLAIM, "rule-written": ""}]}, "needs a rule-written"),
        ({"claims": [{**CLAIM, "kind": "mine"}]}, "choose from paper, own"),
        ({"claims": [{**CLAIM, "rule-after-results": "yes, some"}]}, "must be true or false"),
        ({"bounds": {"half": "0.5"}}, "bounds of .* must map names to numbers"),
        ({"bounds": [0.5]}, "bounds of .* must map names to numbers"),
        ({"quick-grid": {"method": "lora"}}, "needs a quick-tolerance"),
        ({"quick-grid": {"method": "lora"}, "quick-tolerance": -1}, "needs a quick-tolerance"),
        ({"quick-tolerance": {"loss": 0.1}}, "unknown key 'loss'"),
        ({"quick-tolerance": {"accuracy": "some"}}, "needs a quick-tolerance"),
        ({"claims": [{**CLAIM, "verdict": "yes"}]}, "unknown key 'verdict'"),
        ({"claims": [CLAIM, CLAIM]}, "two claims with the id 'half'"),
        ({"limits": "none"}, "list of sentences"),
        ({"grid": ["lora"]}, "grid of .* must be a mapping"),
        ({"quick-grid": [{}]}, "quick-grid of .* must be a mapping"),
        ({"result": "reproduced"}, "unknown key 'result'"),
    ],
)
def test_what_is_missing_or_wrong_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        read(tmp_path, **changes)


def test_an_axis_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'method'"):
        read(tmp_path, grid={"metod": "lora"})


@pytest.mark.parametrize(("text", "message"), [("a: [", "is not YAML"), ("- a", "must map names")])
def test_a_file_that_is_no_definition(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_definition(tmp_path / "study.yaml")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the study"):
        read_definition(tmp_path / "study.yaml")
