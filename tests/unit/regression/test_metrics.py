"""What can be checked, and under which names."""

from __future__ import annotations

import pytest

from ladderscope.errors import UnknownNameError
from ladderscope.records import BREAKDOWN_CATEGORIES, Cell, Flops, Forecast, Memory, Params, Phase, Record
from ladderscope.regression.metrics import METRICS, PHASES, find_metric, metrics_of


def record(**parts: object) -> Record:
    return Record(cell=Cell(model="m", method="full"), meter="predict", status="ok", **parts)  # type: ignore[arg-type]


def memory(**values: object) -> Memory:
    parts = {
        "peak_allocated_bytes": 30,
        "peak_reserved_bytes": 40,
        "peak_rss_bytes": 99,
        "breakdown_bytes": {"weights": 30},
    }
    return Memory(**{**parts, **values})  # type: ignore[arg-type]


def test_peaks_saved_bytes_flops_parameters_and_every_category_are_metrics() -> None:
    names = list(METRICS)
    assert names[:5] == ["peak_allocated", "peak_reserved", "saved_for_backward", "flops", "trainable_params"]
    assert set(BREAKDOWN_CATEGORIES) < set(names)
    assert {"load_peak_allocated", "first_step_peak_reserved", "generation_peak_allocated"} < set(names)
    assert all(metric.name == name for name, metric in METRICS.items())


@pytest.mark.parametrize("text", ["peak_allocated", "peak-allocated", "  peak_allocated ", "peak-allocated\n"])
def test_hyphens_and_spaces_around_make_no_difference(text: str) -> None:
    assert find_metric(text) is METRICS["peak_allocated"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("peak_alocated", "did you mean 'peak_allocated'"),
        ("activation", "did you mean 'activations'"),
        ("Peak_Allocated", "did you mean 'peak_allocated'"),
        ("peak allocated", "did you mean 'peak_allocated'"),
        ("", "choose from activations, "),
        ("峰值 'x'", "choose from activations, "),
    ],
)
def test_a_name_that_there_is_not_gets_the_nearest_that_is(text: str, hint: str) -> None:
    with pytest.raises(UnknownNameError) as error:
        find_metric(text)
    assert hint in str(error.value)
    assert error.value.exit_code == 2


def test_names_for_people_have_no_underscores() -> None:
    assert METRICS["saved_for_backward"].title == "saved for backward"


@pytest.mark.parametrize(
    ("metric", "change", "text"),
    [
        ("peak_allocated", 3 * 2**20, "+3.00 MiB"),
        ("peak_allocated", -512, "-512 B"),
        ("activations", 1, "+1 B"),
        ("activations", 0, "0 B"),
        ("flops", 2_500_000_000, "+2.5 GFLOP"),
        ("trainable_params", -1234, "-1.234 K"),
    ],
)
def test_a_change_has_its_sign_and_unit(metric: str, change: int, text: str) -> None:
    assert METRICS[metric].format_change(change) == text


def test_a_record_gives_all_that_it_holds() -> None:
    phases = {
        "load": Phase(peak_allocated_bytes=1, peak_reserved_bytes=2),
        "first step": Phase(peak_allocated_bytes=3, peak_reserved_bytes=4),
    }
    phases["steady step"] = Phase(peak_allocated_bytes=30, peak_reserved_bytes=40)
    found = metrics_of(
        record(
            memory=memory(saved_for_backward_bytes=7),
            forecast=Forecast(phases=phases, usable_bytes=1, outside_bytes=1, unverified=[]),
            flops=Flops(per_step=10, per_token=5.0, by_component={"head": 10}),
            params=Params(trainable=5, total=6),
        )
    )
    assert found == {
        "peak_allocated": 30,
        "peak_reserved": 40,
        "saved_for_backward": 7,
        "flops": 10,
        "trainable_params": 5,
        "load_peak_allocated": 1,
        "load_peak_reserved": 2,
        "first_step_peak_allocated": 3,
        "first_step_peak_reserved": 4,
    }
    assert set(found) <= set(METRICS)


def test_what_a_meter_cannot_see_is_no_metric_and_nothing_is_not_zero() -> None:
    assert metrics_of(record(memory=memory(peak_reserved_bytes=None))) == {"peak_allocated": 30}
    assert metrics_of(record(memory=memory(saved_for_backward_bytes=0)))["saved_for_backward"] == 0
    assert metrics_of(record()) == {}


def test_the_steady_step_is_the_peak_itself_and_the_other_phases_are_those_of_a_prediction() -> None:
    from ladderscope import predict

    spans = {predict.LOAD, predict.EVALUATE, predict.FIRST_STEP, predict.GENERATION}
    assert {span.replace(" ", "_") for span in spans} == set(PHASES)
