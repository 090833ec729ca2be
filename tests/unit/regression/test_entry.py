"""An entry: into JSON and out, and what hand-edited JSON is refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ladderscope.errors import BaselineError, UnknownNameError
from ladderscope.records import Cell
from ladderscope.regression.entry import Entry

from .conftest import WHOLE, entry


def edited(part: str, value: Any) -> dict[str, Any]:
    return {**entry().to_json(), part: value}


class TestJson:
    def test_it_survives(self, whole: Entry) -> None:
        assert Entry.from_json(whole.name, json.loads(json.dumps(whole.to_json()))) == whole

    def test_the_name_is_the_key_and_not_in_it(self, whole: Entry) -> None:
        assert "name" not in whole.to_json()

    def test_what_is_empty_is_left_out_and_comes_back_empty(self) -> None:
        small = Entry(name="tests/test_a.py::test_b[x y]", meter="cpu", gpu=None, metrics={"peak_allocated": 0})
        values = small.to_json()
        assert values == {"meter": "cpu", "gpu": None, "status": "ok", "metrics": {"peak_allocated": 0}}
        assert Entry.from_json(small.name, values) == small

    def test_repeats_survive(self) -> None:
        measured = entry(meter="cuda", repeats={"peak_allocated": [99, 100, 101]})
        assert Entry.from_json(measured.name, measured.to_json()) == measured
        assert not measured.is_prediction

    def test_its_order_is_that_of_tables_whatever_the_order_it_was_made_in(self, whole: Entry) -> None:
        backwards = {
            part: dict(reversed(getattr(whole, part).items())) for part in ("metrics", "breakdown", "at_peak")
        }
        assert json.dumps(entry(**backwards).to_json()) == json.dumps(whole.to_json())
        assert list(whole.to_json()["metrics"]) == ["peak_allocated", "peak_reserved", "flops", "trainable_params"]

    def test_a_place_that_was_taken_out_by_hand_is_folded_again(self, whole: Entry) -> None:
        places = {"side_network.blocks.3: mul.Tensor": 8, "side_network.blocks.{0-2}: mul.Tensor": 8}
        assert Entry.from_json(whole.name, edited("saved_for_backward", {"activations": places})) == whole

    def test_values_are_metrics_and_categories(self, whole: Entry) -> None:
        assert whole.values == {**whole.metrics, **whole.breakdown}


class TestCell:
    def test_its_settings_are_a_cell(self, whole: Entry) -> None:
        assert whole.cell == Cell(model="random:tiny-llama", method="ladder", seq_len=512)

    def test_settings_that_no_cell_has_are_refused(self) -> None:
        with pytest.raises(UnknownNameError, match="'seq_length': did you mean 'seq_len'"):
            _ = entry(settings={"model": "m", "method": "full", "seq_length": 5}).cell

    @pytest.mark.parametrize("settings", [{}, {"model": "m"}, {"method": "full"}])
    def test_settings_that_lack_a_model_or_a_method_are_refused(self, settings: dict[str, Any]) -> None:
        with pytest.raises(BaselineError, match="need a model and a method"):
            _ = entry(settings=settings).cell


class TestHandEdited:
    @pytest.mark.parametrize("values", [None, [], "x", 5, True])
    def test_an_entry_is_an_object(self, values: Any) -> None:
        with pytest.raises(BaselineError, match="its entry 'a \"b\"' is not an object"):
            Entry.from_json('a "b"', values)

    @pytest.mark.parametrize("part", ["metric", "Metrics", "name", "", "größe"])
    def test_unknown_parts_are_refused_by_name(self, part: str) -> None:
        with pytest.raises(BaselineError, match=f"unknown part '{part}'"):
            Entry.from_json("a", edited(part, {}))

    @pytest.mark.parametrize("part", ["meter", "gpu"])
    def test_a_meter_and_a_gpu_are_needed(self, part: str) -> None:
        values = entry().to_json()
        del values[part]
        with pytest.raises(BaselineError, match="needs a meter, a gpu and metrics"):
            Entry.from_json("a", values)

    @pytest.mark.parametrize("part", ["settings", "metrics", "breakdown", "flops", "at_peak", "versions", "repeats"])
    @pytest.mark.parametrize("value", [None, [], "x", 5])
    def test_objects_are_objects(self, part: str, value: Any) -> None:
        with pytest.raises(BaselineError, match=f"{part} of its entry 'a': .* is not an object"):
            Entry.from_json("a", edited(part, value))

    @pytest.mark.parametrize("part", ["metrics", "breakdown", "repeats"])
    @pytest.mark.parametrize("name", ["peak_alocated", "peak-allocated", "Peak_allocated", ""])
    def test_a_slip_in_a_metric_does_not_take_it_out_of_the_check(self, part: str, name: str) -> None:
        with pytest.raises(BaselineError, match=f"{part} of its entry 'a': unknown metric '{name}'"):
            Entry.from_json("a", edited(part, {name: [5] if part == "repeats" else 5}))

    @pytest.mark.parametrize("value", [1.0, 1.5, "100", "1 GiB", None, True, [1], {}, float("nan"), float("inf")])
    def test_numbers_are_whole(self, value: Any) -> None:
        changes: list[tuple[str, Any]] = [(part, {"activations": value}) for part in ("metrics", "breakdown", "flops")]
        changes += [(part, {"activations": {"a: mm": value}}) for part in ("at_peak", "saved_for_backward")]
        changes += [("repeats", {"activations": [1, value]})]
        for part, changed in changes:
            with pytest.raises(BaselineError, match=f"{part} of its entry 'a': .* which is no whole number"):
                Entry.from_json("a", edited(part, changed))

    @pytest.mark.parametrize(
        ("value", "what"), [(-1, "negative"), (2**63, "larger than anything"), (10**400, "larger")]
    )
    def test_numbers_are_possible(self, value: int, what: str) -> None:
        with pytest.raises(BaselineError, match=f"peak_allocated is {what}"):
            Entry.from_json("a", edited("metrics", {"peak_allocated": value}))

    @pytest.mark.parametrize("sizes", [5, {"0": 5}, "5", None])
    def test_repeats_are_lists(self, sizes: Any) -> None:
        with pytest.raises(BaselineError, match="which is no list"):
            Entry.from_json("a", edited("repeats", {"peak_allocated": sizes}))

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            ("meter", "Predict"),
            ("meter", []),
            ("status", "error"),
            ("status", None),
            ("gpu", 5),
            ("peak_at", None),
            ("versions", {"torch": 2.13}),
        ],
    )
    def test_texts_are_texts_that_mean_something(self, part: str, value: Any) -> None:
        with pytest.raises(BaselineError, match=f"{part} of its entry 'a': "):
            Entry.from_json("a", edited(part, value))

    @pytest.mark.parametrize(
        ("places", "what"),
        [
            ({"layers.{3-1}: mm": 5}, "no numbers in their order"),
            ({"layers.{0-1}: mm": 5, "layers.1: mm": 6}, "is there twice"),
            ({"layers.{0-999999999}: mm": 5}, "stands for 1000000000 places"),
            (5, "is not an object"),
        ],
    )
    def test_places_are_places(self, places: Any, what: str) -> None:
        for part in ("at_peak", "saved_for_backward"):
            with pytest.raises(BaselineError, match=f"{part} of its entry 'a': .*{what}"):
                Entry.from_json("a", edited(part, {"activations": places}))

    def test_places_are_in_categories(self) -> None:
        with pytest.raises(BaselineError, match="'activation' is none of weights, "):
            Entry.from_json("a", edited("at_peak", {"activation": {}}))


class TestHandEditedSettings:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("seq_len", "abc"), ("seq_len", 1.5), ("seq_len", True), ("model", 5), ("gradient_checkpointing", 1)],
    )
    def test_of_another_kind_are_refused(self, name: str, value: object) -> None:
        with pytest.raises(BaselineError, match=f"settings of its entry 'a': {name} is .*, which it cannot be"):
            Entry.from_json("a", {**entry().to_json(), "settings": {**WHOLE["settings"], name: value}})

    def test_a_whole_number_is_a_learning_rate_too(self) -> None:
        values = {**entry().to_json(), "settings": {**WHOLE["settings"], "lr": 1, "rank": None}}
        assert Entry.from_json("a", values).settings["lr"] == 1

    def test_an_entry_without_its_peak_would_always_pass(self) -> None:
        with pytest.raises(BaselineError, match="metrics of its entry 'a' lack peak_allocated"):
            Entry.from_json("a", {**entry().to_json(), "metrics": {"flops": 5}})

    def test_a_prediction_is_for_a_gpu(self) -> None:
        with pytest.raises(BaselineError, match="does not say which gpu"):
            Entry.from_json("a", {**entry().to_json(), "gpu": None})
