"""How much a metric may grow: what is written, and what it allows."""

from __future__ import annotations

import decimal

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.regression.limits import DEFAULT_FAIL_ON, limits_of, parse_fail_on, parse_limit
from ladderscope.regression.metrics import METRICS
from ladderscope.units import GIB, MIB

NO_LIMITS = ["", " ", "-1", "-1%", "+1", "nan", "nan%", "inf", "inf%", "%", "% 2", "2%%", "2 percent", "1e3", "1e3%"]
NO_LIMITS += ["two", "2,5%", "0x10", "'0'", '"2%"', "٢%", "２%", "2% 3%", "16 MiB/s", "0 B B", "None", "True"]
NO_LIMITS += ["9" * 19, "9" * 10 + "%"]
PEAK, FLOPS = METRICS["peak_allocated"], METRICS["flops"]


@pytest.mark.parametrize(
    ("text", "before", "allowed"),
    [
        ("0", GIB, 0),
        ("16MiB", GIB, 16 * MIB),
        ("16 mib", 0, 16 * MIB),
        ("1.5 GiB", 0, 3 * GIB // 2),
        ("2%", 1000, 20),
        ("2 %", 1000, 20),
        (" 2% ", 1000, 20),
        ("0%", 1000, 0),
        ("2%", 0, 0),
        ("2%", 49, 0),
        ("2%", 99, 1),  # 1.98, rounded down
        ("0.1%", 10_000, 10),
        ("2.5%", 1000, 25),
        ("29%", 100, 29),  # 28.999999999999996 as floats have it
        ("250%", 100, 250),
        ("0.000000000000000001%", 10**20, 1),
        ("33.333333333333333333%", 3 * 10**30, 999999999999999999990000000000),
    ],
)
def test_percent_of_the_baseline_or_an_amount_exactly_and_rounded_down(text: str, before: int, allowed: int) -> None:
    found = parse_limit(PEAK, text).allowed(before)
    assert found == allowed
    assert isinstance(found, int)


@pytest.mark.parametrize(("text", "allowed"), [("0", 0), ("1000", 1000), ("1e3", 1000), ("2E6", 2_000_000), ("1%", 5)])
def test_flops_and_parameters_are_whole_numbers(text: str, allowed: int) -> None:
    assert parse_limit(FLOPS, text).allowed(500) == allowed
    assert parse_limit(METRICS["trainable_params"], text).allowed(500) == allowed


@pytest.mark.parametrize("text", NO_LIMITS)
def test_what_is_no_limit_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="how much peak_allocated may grow: write 0, 2% or 16MiB"):
        parse_limit(PEAK, text)


@pytest.mark.parametrize("text", ["16MiB", "1.5", "-1", "1e", "1e-3", "1e999999999", "1.2 TFLOP", ""])
def test_an_amount_in_another_unit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="how much flops may grow: write 0, 2% or 1000000"):
        parse_limit(FLOPS, text)


def test_it_is_kept_as_it_was_written() -> None:
    assert parse_limit(PEAK, " 2.50 %").text == "2.50 %"


def test_a_caller_with_few_decimal_digits_gets_the_same() -> None:
    with decimal.localcontext(prec=2):
        assert parse_limit(PEAK, "1.2345%").allowed(10**12) == 12_345_000_000


class TestFailOn:
    def test_given_again_and_again_or_with_commas(self) -> None:
        limits = parse_fail_on(["peak_allocated:0", "peak-reserved: 2% , activations:16MiB,"])
        assert {name: limit.text for name, limit in limits.items()} == {
            "peak_allocated": "0",
            "peak_reserved": "2%",
            "activations": "16MiB",
        }

    def test_the_last_one_counts(self) -> None:
        assert parse_fail_on(["flops:0,flops:1e3", "flops:7"])["flops"].amount == 7

    @pytest.mark.parametrize(
        "text", ["peak_allocated", "0", "peak_allocated=0", "activations:1,000", "'peak_allocated'"]
    )
    def test_a_text_without_colon_is_refused_with_an_example(self, text: str) -> None:
        with pytest.raises(UsageError, match="write METRIC:LIMIT, as in peak_allocated:0") as error:
            parse_fail_on([text])
        assert error.value.exit_code == 2

    @pytest.mark.parametrize("text", ["peak_alocated:0", ":0", "PEAK_ALLOCATED:0", "weights.x:0"])
    def test_an_unknown_metric_is_refused(self, text: str) -> None:
        with pytest.raises(UnknownNameError):
            parse_fail_on([text])

    @pytest.mark.parametrize(
        "text", ["peak_allocated:-1", "peak_allocated:", "peak_allocated:0:1", "peak_allocated::0"]
    )
    def test_a_limit_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(UsageError, match="how much peak_allocated may grow"):
            parse_fail_on([text])

    def test_nothing_given_is_no_limit(self) -> None:
        assert parse_fail_on([]) == parse_fail_on(["", " , "]) == {}


class TestInFiles:
    def test_new_files_allow_nothing_allocated_and_two_percent_reserved(self) -> None:
        limits = limits_of(DEFAULT_FAIL_ON)
        assert limits["peak_allocated"].allowed(GIB) == 0
        assert limits["peak_reserved"].allowed(1000) == 20
        assert len(limits) == 2

    @pytest.mark.parametrize(("value", "allowed"), [(0, 0), (4096, 4096), ("4 KiB", 4096), (4096.0, 4096)])
    def test_numbers_are_as_good_as_texts(self, value: object, allowed: int) -> None:
        assert limits_of({"activations": value})["activations"].allowed(1) == allowed

    @pytest.mark.parametrize("value", [None, True, [], {}, -1, float("nan"), float("inf"), 1e300, "0,weights:0"])
    def test_values_that_are_no_limit_are_refused(self, value: object) -> None:
        with pytest.raises(UsageError, match="how much activations may grow"):
            limits_of({"activations": value})

    def test_a_metric_that_is_there_twice_is_refused(self) -> None:
        with pytest.raises(UsageError, match="peak_allocated is there twice"):
            limits_of({"peak-allocated": "1 GiB", "peak_allocated": "0"})

    @pytest.mark.parametrize("name", ["peak_alocated", "", "peak_allocated:0,weights"])
    def test_unknown_metrics_are_refused(self, name: str) -> None:
        with pytest.raises(UnknownNameError):
            limits_of({name: "0"})
