from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from ladderscope.errors import UnknownNameError
from ladderscope.records import Cell, Record
from ladderscope.scaling import FitSettings, GroupFit, fit_scaling

QUICK = FitSettings(resamples=40, starts=8)
RunFactory = Callable[..., Record]


def group(records: list[Record], x: str = "compute", y: str = "loss", settings: FitSettings = QUICK) -> GroupFit:
    (only,) = fit_scaling(records, x=x, y=y, settings=settings).groups
    return only


def noisy_runs(make_run: RunFactory, n_runs: int, method: str = "ladder") -> list[Record]:
    return [
        make_run(method=method, seed=seed, flops_per_step=(1 + seed) * 10**12, noise=0.01, run_noise=0.02)
        for seed in range(n_runs)
    ]


def test_compute_is_counted_in_the_methods_own_flops_from_the_first_step(make_run: RunFactory) -> None:
    fitted = group([make_run(flops_per_step=3 * 10**12, steps=30)])

    assert fitted.x_range == [3e12, 90e12]
    assert fitted.parameters["lambda"].value == pytest.approx(0.4, rel=1e-4)
    assert fitted.parameters["E"].value == pytest.approx(1.2, rel=1e-4)
    assert fitted.r2_log == pytest.approx(1.0)


def test_each_method_has_its_own_curve(make_run: RunFactory) -> None:
    records = [make_run(method="ladder"), make_run(method="qlora", law=(1.0, 0.9, 0.6))]

    fit = fit_scaling(records, x="compute", y="loss", settings=QUICK)

    exponents = {group.name: group.parameters["lambda"].value for group in fit.groups}
    assert exponents == {"ladder": pytest.approx(0.4, rel=1e-3), "qlora": pytest.approx(0.6, rel=1e-3)}


def test_fewer_than_four_runs_give_no_interval_and_say_so(make_run: RunFactory) -> None:
    exponent = group(noisy_runs(make_run, 2)).parameters["lambda"]

    assert exponent.low is None
    assert exponent.reason == "too few runs (2) for an interval; at least 4 are needed"


def test_four_runs_give_an_interval_around_the_estimate(make_run: RunFactory) -> None:
    fitted = group(noisy_runs(make_run, 4))

    for estimate in (*fitted.parameters.values(), fitted.local_slope):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= (estimate.value or 0) <= estimate.high
    assert fitted.curve is not None
    assert len(fitted.curve.low) == len(fitted.curve.x)


def test_the_run_is_resampled_so_repeating_its_steps_does_not_shrink_the_interval(make_run: RunFactory) -> None:
    runs = noisy_runs(make_run, 5)
    # Each step stands twice, at half the FLOPs: twice the points, the same curve, the same runs.
    doubled = [_with_every_step_twice(run) for run in runs]
    single_width, doubled_width = (_width(group(records)) for records in (runs, doubled))

    assert doubled_width > 0.8 * single_width


def _with_every_step_twice(run: Record) -> Record:
    assert run.flops is not None
    flops = dataclasses.replace(run.flops, per_step=run.flops.per_step // 2)
    return dataclasses.replace(run, flops=flops, loss=[loss for loss in run.loss for _ in range(2)])


def _width(fitted: GroupFit) -> float:
    slope = fitted.local_slope
    assert slope.low is not None
    assert slope.high is not None
    return slope.high - slope.low


def test_the_same_seed_gives_the_same_fit(make_run: RunFactory) -> None:
    runs = noisy_runs(make_run, 4)

    assert fit_scaling(runs, x="compute", y="loss", settings=QUICK) == fit_scaling(
        runs, x="compute", y="loss", settings=QUICK
    )


def test_a_loss_that_did_not_fall_gets_no_exponent(make_run: RunFactory) -> None:
    rising = dataclasses.replace(make_run(), loss=[2.0 + 0.01 * step for step in range(30)])

    fitted = group([rising])

    assert fitted.status == "not falling"
    assert fitted.parameters == {}
    assert "did not fall" in (fitted.reason or "")


def test_too_few_points_cannot_tell(make_run: RunFactory) -> None:
    fitted = group([make_run(steps=3)])

    assert fitted.status == "cannot tell"
    assert fitted.reason == "too few points (3) for 3 parameters; at least 4 are needed"


def test_one_value_of_x_cannot_tell(make_run: RunFactory) -> None:
    fitted = group([make_run(seed=seed) for seed in range(6)], x="params")

    assert fitted.status == "cannot tell"
    assert "too few different x (1)" in (fitted.reason or "")


def test_memory_grows_with_length_from_a_fixed_part(make_run: RunFactory) -> None:
    runs = [make_run(seq_len=length, peak_bytes=300_000_000 + 2_000_000 * length) for length in (128, 256, 512, 1024)]

    fitted = group(runs, x="seq-len", y="peak-allocated")

    assert fitted.parameters["c0"].value == pytest.approx(3e8)
    assert fitted.parameters["c1"].value == pytest.approx(2e6)


def test_measured_and_predicted_memory_never_share_a_curve(make_run: RunFactory) -> None:
    runs = [make_run(seq_len=length, meter=meter) for length in (128, 256, 512) for meter in ("cpu", "predict")]

    fit = fit_scaling(runs, x="seq-len", y="peak-allocated", settings=QUICK)

    assert [group.name for group in fit.groups] == ["ladder (cpu)", "ladder (predict)"]


def test_settings_that_differ_inside_a_curve_are_named(make_run: RunFactory) -> None:
    fit = fit_scaling([make_run(seq_len=128), make_run(seq_len=256, seed=1)], x="compute", y="loss", settings=QUICK)

    assert fit.groups[0].pooled == {"seq_len": ["128", "256"], "seed": ["0", "1"]}
    assert any("seq_len (128, 256)" in note for note in fit.notes)


def test_records_without_points_are_counted_with_the_reason(make_run: RunFactory) -> None:
    good = make_run()
    failed = dataclasses.replace(make_run(seed=1), status="oom", loss=[])
    diverged = dataclasses.replace(make_run(seed=2), loss=[2.0, float("nan"), 2.1])
    predicted = dataclasses.replace(good, meter="predict", loss=[])

    fit = fit_scaling([good, failed, diverged, predicted], x="compute", y="loss", settings=QUICK)

    assert [left_out.reason for left_out in fit.left_out] == [
        "its status is oom",
        "its loss is not a positive number (nan)",
        "it has no loss",
    ]
    assert (fit.n_records, fit.groups[0].n_runs) == (4, 1)


def test_slopes_of_two_groups_are_compared_only_with_runs_enough(make_run: RunFactory) -> None:
    few = noisy_runs(make_run, 2, "ladder") + noisy_runs(make_run, 2, "qlora")
    many = noisy_runs(make_run, 5, "ladder") + noisy_runs(make_run, 5, "qlora")

    (undecided,) = fit_scaling(few, x="compute", y="loss", settings=QUICK).pairs
    (decided,) = fit_scaling(many, x="compute", y="loss", settings=QUICK).pairs

    assert (undecided.local_slope.reason or "").startswith("cannot tell: too few runs (2)")
    assert decided.local_slope.low is not None
    assert decided.local_slope.low <= 0 <= (decided.local_slope.high or 0)


def test_every_fit_says_that_it_is_no_equivalence_test(make_run: RunFactory) -> None:
    fit = fit_scaling([make_run()], x="compute", y="loss", settings=QUICK)

    assert any("no equivalence test" in note for note in fit.notes)


def test_losses_on_random_weights_are_marked(make_run: RunFactory) -> None:
    fit = fit_scaling([dataclasses.replace(make_run(), weights="random")], x="compute", y="loss", settings=QUICK)

    assert fit.notes[0] == "Random weights: the loss says nothing about a method."


def test_an_unknown_setting_to_group_by_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'method'"):
        fit_scaling([], x="compute", y="loss", by="metod")


def test_runs_of_one_seed_give_no_interval_but_say_why() -> None:
    records = [_record_of(rank, seed=0) for rank in (1, 2, 4, 8)]
    fit = fit_scaling(records, x="tokens", y="loss").groups[0]

    assert fit.parameters["lambda"].low is None
    assert "share one seed" in (fit.parameters["lambda"].reason or "")


def _record_of(rank: int, seed: int) -> Record:
    return Record(
        cell=Cell(model="m", method="lora", rank=rank, seed=seed),
        meter="cpu",
        status="ok",
        loss=[3.0 / step**0.3 for step in range(1, 17)],
        tokens_per_step=256,
    )
