"""An entry beside its baseline: what counts as a regression, and where the bytes came from."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from ladderscope.regression import compare as compare_module
from ladderscope.regression.compare import changed_versions, compare, growths_of
from ladderscope.regression.entry import Entry
from ladderscope.regression.limits import limits_of, parse_fail_on
from ladderscope.regression.verdict import CheckResult, EntryVerdict, Growth, Outcome

from .conftest import WHOLE, entry

ZERO = {"peak_allocated": "0"}


def with_metrics(**values: int) -> Entry:
    return entry(metrics={**WHOLE["metrics"], **values})


def verdict(after: Entry, before: Entry | None = None, **fail_on: str) -> EntryVerdict:
    return compare(before or entry(), after, limits_of(fail_on or ZERO))


class TestOutcome:
    def test_the_same_is_the_same(self, whole: Entry) -> None:
        found = verdict(whole)
        assert found.outcome == "same"
        assert (found.growths, found.versions, found.regressions, found.worst) == ([], {}, [], None)

    def test_one_byte_more_is_a_regression_where_none_is_allowed(self) -> None:
        found = verdict(with_metrics(peak_allocated=101))
        assert found.outcome == "regression"
        (change,) = found.regressions
        assert (change.name, change.before, change.after, change.change, change.percent) == (
            "peak_allocated",
            100,
            101,
            1,
            1.0,
        )

    @pytest.mark.parametrize(
        ("limit", "after", "outcome"),
        [
            ("2%", 102, "changed"),
            ("2%", 103, "regression"),
            ("0%", 101, "regression"),
            ("5", 105, "changed"),
            ("5 B", 106, "regression"),
            ("1 KiB", 1124, "changed"),
            ("1 KiB", 1125, "regression"),
            ("0", 99, "improvement"),
            ("50%", 99, "improvement"),
            ("0", 100, "same"),
        ],
    )
    def test_limits_are_of_the_baselines_value_and_inclusive(self, limit: str, after: int, outcome: Outcome) -> None:
        assert verdict(with_metrics(peak_allocated=after), peak_allocated=limit).outcome == outcome

    def test_a_percentage_of_nothing_allows_nothing(self) -> None:
        before, after = with_metrics(peak_allocated=0), with_metrics(peak_allocated=1)
        found = verdict(after, before, peak_allocated="50%")
        assert found.outcome == "regression"
        assert found.regressions[0].percent is None

    def test_a_metric_without_limit_is_shown_and_never_fails(self) -> None:
        found = verdict(with_metrics(flops=10**15, trainable_params=1))
        assert found.outcome == "changed"
        assert [(change.name, change.allowed) for change in found.changes] == [
            ("peak_allocated", 0),
            ("flops", None),
            ("trainable_params", None),
        ]

    def test_a_regression_is_not_outweighed_by_improvements(self) -> None:
        after = with_metrics(peak_allocated=50, flops=5001)
        assert verdict(after, peak_allocated="0", flops="0").outcome == "regression"

    def test_categories_of_the_breakdown_have_limits_of_their_own(self) -> None:
        after = entry(breakdown={"weights": 50, "activations": 48, "rounding": 2})
        assert verdict(after).outcome == "changed"
        found = verdict(after, activations="9")
        assert found.outcome == "regression"
        assert [change.name for change in found.regressions] == ["activations"]

    def test_what_only_one_of_them_has_is_not_compared(self) -> None:
        before = entry(metrics={"peak_allocated": 100})
        assert [change.name for change in verdict(entry(), before).changes] == ["peak_allocated"]

    def test_changes_are_in_the_order_of_tables(self) -> None:
        after = entry(metrics={name: value + 1 for name, value in reversed(WHOLE["metrics"].items())})
        assert [change.name for change in verdict(after).changes] == list(WHOLE["metrics"])

    def test_the_worst_is_furthest_above_its_limit_relative_to_before(self) -> None:
        found = verdict(with_metrics(peak_allocated=120, peak_reserved=300), peak_allocated="10", peak_reserved="45%")
        assert found.worst is not None
        assert found.worst.name == "peak_allocated"  # 10 % above; reserved, 5 %

    def test_versions_alone_change_nothing(self) -> None:
        found = verdict(entry(versions={"torch": "9.9"}))
        assert found.outcome == "same"
        assert found.versions == {"ladderscope": ("1.0", ""), "torch": ("2.13.0", "9.9")}


class TestTolerance:
    """What repeats teach widens a limit and never narrows it."""

    @pytest.fixture(autouse=True)
    def learned(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def spread(before: Any, after: Any, *, of_medians: bool) -> int:
            return max(before) - min(before) if before else 0

        monkeypatch.setattr(compare_module, "learned_tolerance", spread)

    @pytest.mark.parametrize(
        ("limit", "after", "outcome"),
        [("0", 108, "changed"), ("0", 109, "regression"), ("20", 115, "changed"), ("20", 121, "regression")],
    )
    def test_the_larger_of_both_counts(self, limit: str, after: int, outcome: Outcome) -> None:
        before = entry(meter="cuda", repeats={"peak_allocated": [96, 100, 104]})
        assert verdict(with_metrics(peak_allocated=after), before, peak_allocated=limit).outcome == outcome

    def test_a_metric_without_limit_gets_none_from_repeats(self) -> None:
        before = entry(meter="cuda", repeats={"flops": [1, 5000]})
        changes = {change.name: change for change in verdict(with_metrics(flops=10**9), before).changes}
        assert changes["flops"].allowed is None


def places(**changes: int) -> dict[str, dict[str, int]]:
    """Four side blocks that hold 8 bytes each, and more in those that are named by number."""
    blocks = {f"side_network.blocks.{n}: mul.Tensor": 8 + changes.get(f"at_{n}", 0) for n in range(4)}
    return {"activations": {**blocks, "lm_head: mm": 6}, "weights": {"model.layers.{0-3}.mlp: weight": 15}}


class TestGrowths:
    def test_one_block_of_many_is_named_by_its_number(self) -> None:
        (growth,) = growths_of(entry(saved_for_backward={}), entry(at_peak=places(at_3=5), saved_for_backward={}))
        assert growth == Growth("peak", "activations", "side_network.blocks.3: mul.Tensor", 8, 13)

    def test_blocks_that_grew_alike_are_one_growth_that_counts_for_all(self) -> None:
        (growth,) = growths_of(entry(), entry(at_peak=places(at_0=5, at_1=5, at_3=5)))
        assert growth.place == "side_network.blocks.{0-1,3}: mul.Tensor"
        assert (growth.before, growth.after, growth.change) == (8, 13, 15)

    def test_a_place_that_came_or_went_is_from_or_to_nothing(self) -> None:
        after = {"activations": WHOLE["at_peak"]["activations"], "other": {"side_network.blocks.3: clone": 9}}
        growths = growths_of(entry(), entry(at_peak=after))
        assert [(growth.category, growth.place, growth.before, growth.after) for growth in growths] == [
            ("other", "side_network.blocks.3: clone", 0, 9),
            ("weights", "model.layers.{0-3}.mlp: weight", 15, 0),
        ]

    def test_what_grew_most_is_first_and_what_shrank_last(self) -> None:
        after = entry(at_peak=places(at_0=1, at_1=1, at_2=7, at_3=-8))
        assert [growth.change for growth in growths_of(entry(), after)] == [7, 2, -8]

    def test_both_moments_are_told_the_peak_first(self) -> None:
        after = entry(at_peak=places(at_3=1), saved_for_backward={"activations": places(at_3=9)["activations"]})
        growths = growths_of(entry(), after)
        assert [growth.moment for growth in growths] == ["peak", "saved for backward", "saved for backward"]
        assert growths[1].place == "side_network.blocks.3: mul.Tensor"

    def test_how_places_are_folded_is_no_change(self) -> None:
        folded = places()
        folded["activations"] = {"side_network.blocks.{0-3}: mul.Tensor": 8, "lm_head: mm": 6}
        assert growths_of(entry(at_peak=folded), entry(at_peak=places())) == []

    def test_without_places_on_both_sides_there_is_nothing_to_tell(self) -> None:
        measured = entry(meter="cuda", at_peak={}, saved_for_backward={})
        assert growths_of(measured, entry()) == growths_of(entry(), measured) == []

    def test_bytes_that_moved_are_a_change_even_where_no_sum_is(self) -> None:
        found = verdict(entry(at_peak=places(at_2=-3, at_3=3)))
        assert found.outcome == "changed"
        assert [growth.change for growth in found.growths] == [3, -3]

    @pytest.mark.parametrize("seed", range(10))
    def test_they_sum_to_the_change_of_what_is_placed(self, seed: int) -> None:
        rng = random.Random(seed)

        def some() -> dict[str, dict[str, int]]:
            return {
                category: {f"layers.{n}.experts.{e}: mm": rng.randint(0, 3) for n in range(4) for e in range(3)}
                for category in rng.sample(["weights", "activations", "gradients"], 2)
            }

        before, after = some(), some()
        growths = growths_of(entry(at_peak=before, saved_for_backward={}), entry(at_peak=after, saved_for_backward={}))
        total = {id(each): sum(sum(sizes.values()) for sizes in each.values()) for each in (before, after)}
        assert sum(growth.change for growth in growths) == total[id(after)] - total[id(before)]
        changes = [growth.change for growth in growths]
        assert changes == sorted(changes, reverse=True)


class TestVersions:
    def test_only_those_that_differ_sorted_by_name(self) -> None:
        before = {"torch": "2.12.0", "peft": "0.21.2", "gone": "1"}
        after = {"torch": "2.13.0", "peft": "0.21.2", "new": "2"}
        assert changed_versions(before, after) == {"gone": ("1", ""), "new": ("", "2"), "torch": ("2.12.0", "2.13.0")}
        assert list(changed_versions(before, after)) == ["gone", "new", "torch"]


class TestExitCode:
    @pytest.mark.parametrize(
        ("outcomes", "code"),
        [
            ([], 0),
            (["same", "changed", "improvement", "new", "removed"], 0),
            (["same", "regression"], 1),
            (["same", "failed"], 3),
            (["missing"], 3),
            (["failed", "regression", "missing"], 1),
        ],
    )
    def test_a_regression_wins_over_what_could_not_be_measured(self, outcomes: list[Outcome], code: int) -> None:
        verdicts = [EntryVerdict(str(n), outcome) for n, outcome in enumerate(outcomes)]
        assert CheckResult(Path("b.json"), verdicts).exit_code == code

    def test_the_worst_regression_is_first(self) -> None:
        verdicts = [verdict(with_metrics(peak_allocated=100 + grown)) for grown in (1, 50, 7, 0)]
        found = CheckResult(Path("b.json"), verdicts).regressions
        assert [each.worst.change for each in found if each.worst] == [50, 7, 1]


class TestMetricsOfOneSide:
    def test_a_limit_on_what_can_no_longer_be_measured_is_no_silence(self) -> None:
        verdict = compare(entry(), entry(metrics={"peak_allocated": 100}), parse_fail_on(["flops:0"]))
        assert verdict.outcome == "failed"
        assert verdict.error == "flops of the baseline can no longer be measured, and a threshold asks for it."

    def test_nor_is_a_limit_on_what_the_baseline_does_not_hold(self) -> None:
        verdict = compare(entry(metrics={"peak_allocated": 100}), entry(), parse_fail_on(["flops:0"]))
        assert verdict.outcome == "failed"
        assert "the baseline does not hold flops" in verdict.error

    def test_a_regression_beside_it_is_one(self) -> None:
        after = entry(metrics={"peak_allocated": 101})
        assert compare(entry(), after, parse_fail_on(["flops:0,peak_allocated:0"])).outcome == "regression"

    def test_without_a_limit_nobody_asked(self) -> None:
        after = entry(metrics={"peak_allocated": 100})
        assert compare(entry(), after, parse_fail_on(["peak_allocated:0"])).error == ""


def with_repeats(**values: list[int]) -> Entry:
    medians = {name: sorted(several)[len(several) // 2] for name, several in values.items()}
    return entry(metrics={**WHOLE["metrics"], **medians}, repeats=values)


def test_noise_is_neither_a_regression_nor_an_improvement() -> None:
    limits = parse_fail_on(["peak_reserved:0"])
    before = with_repeats(peak_reserved=[198, 200, 202])
    for reserved in (196, 200, 204):
        after = with_repeats(peak_reserved=[reserved - 1, reserved, reserved + 1])
        assert compare(before, after, limits).outcome in ("changed", "same")
    assert compare(before, with_repeats(peak_reserved=[99, 100, 101]), limits).outcome == "improvement"
