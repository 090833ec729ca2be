from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.ledger import Ledger
from ladderscope.records import Memory, Params, Record
from ladderscope.scaling.reading import TableRequest, default_x, read_table, table_from_records

MakeRecord = Callable[..., Record]
CUDA_OOM = (
    "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 14.56 GiB of "
    "which 1.20 GiB is free. Including non-PyTorch memory, this process has 13.30 GiB memory in use. Of the allocated "
    "memory 12.50 GiB is allocated by PyTorch, and 300.00 MiB is reserved by PyTorch but unallocated."
)


def ledger(folder: Path, *records: Record) -> Path:
    path = folder / "runs.jsonl"
    with Ledger(path) as opened:
        for record in records:
            opened.append(record)
    return path


def test_compute_and_tokens_add_up_over_the_steps_of_a_training_loss(make_record: MakeRecord) -> None:
    table = table_from_records([make_record(flops=5)], y="loss")

    assert table.frame["y"].to_list() == [3.0, 2.5, 2.25]
    assert table.frame["C"].to_list() == [5, 10, 15]
    assert table.frame["D"].to_list() == [256, 512, 768]
    assert table.frame["N"].to_list() == [135e6] * 3
    assert table.frame["run"].nunique() == 1
    assert (table.response.name, table.response.unit) == ("loss", "nats per token")


def test_the_held_out_loss_is_one_point_per_run_at_the_compute_of_all_of_it(make_record: MakeRecord) -> None:
    table = table_from_records([make_record(flops=5)], y="eval-loss")

    assert table.frame[["y", "C", "D"]].to_numpy().tolist() == [[2.4, 15, 768]]


@pytest.mark.parametrize(("axis", "value"), [("C", 15), ("D", 768), ("N", 135e6), ("T", 1e6), ("S", 256), ("R", 8)])
def test_every_predictor_of_a_ledger_says_what_it_counts(axis: str, value: float, make_record: MakeRecord) -> None:
    table = table_from_records([make_record(flops=5)], y="eval-loss", x=[axis])

    assert table.frame[axis].to_list() == [value]
    assert table.axes[axis].counts
    assert table.axes[axis].unit


def test_compute_counts_the_backward_pass_and_parameters_the_embeddings(make_record: MakeRecord) -> None:
    axes = table_from_records([make_record()], y="loss").axes

    assert "backward included" in axes["C"].counts
    assert "embeddings and adapters included" in axes["N"].counts


def test_memory_is_of_one_step_and_so_is_compute_beside_it(make_record: MakeRecord) -> None:
    table = table_from_records([make_record(peak=700, flops=5)], y="peak-allocated")
    reserved = table_from_records([make_record(peak=700)], y="peak-reserved")

    assert table.frame[["y", "S", "C"]].to_numpy().tolist() == [[700, 256, 5]]
    assert table.axes["C"].label == "training compute per step"
    assert reserved.frame["y"].to_list() == [1400]
    assert reserved.response.unit == "bytes"


def test_a_loss_over_what_is_fixed_in_a_run_is_the_held_out_one(make_record: MakeRecord) -> None:
    table = table_from_records([make_record(rank=4), make_record(rank=8)], y="loss", x=["rank"])

    assert table.frame[["y", "R"]].to_numpy().tolist() == [[2.4, 4], [2.4, 8]]
    assert table.response.label == "held-out loss"


def test_groups_are_methods_or_any_setting(make_record: MakeRecord) -> None:
    records = [make_record(method=method, rank=rank) for method in ("lora", "qlora") for rank in (4, 8)]

    by_method = table_from_records(records, y="eval-loss").groups(["C"])
    by_rank = table_from_records(records, y="eval-loss", by="rank").groups(["C"])

    assert [(group.name, group.points.n_runs) for group in by_method] == [("lora", 2), ("qlora", 2)]
    assert [group.name for group in by_rank] == ["4", "8"]
    assert by_method[0].pooled == {"rank": ["4", "8"]}


def test_settings_that_some_methods_lack_keep_their_spelling(make_record: MakeRecord) -> None:
    records = [make_record(rank=rank, seq_len=length) for rank in (4, 8, None) for length in (128, 256)]

    table = table_from_records(records, y="peak-allocated", by="rank")

    assert [group.name for group in table.groups(["S"])] == ["4", "8", "None"]
    assert table_from_records(records, y="peak-allocated").pooled == {"lora": {"rank": ["4", "8", "None"]}}


def test_measured_and_predicted_memory_never_share_a_curve(make_record: MakeRecord) -> None:
    records = [make_record(meter=meter, gpu=gpu) for meter, gpu in (("cpu", None), ("predict", "t4-16gb"))]

    groups = table_from_records(records, y="peak-allocated").groups(["S"])

    assert [group.name for group in groups] == ["lora (cpu)", "lora (predict, t4-16gb)"]


def test_random_weights_keep_losses_apart_and_memories_not(make_record: MakeRecord) -> None:
    records = [make_record(weights="pretrained"), make_record(weights="random", seed=1)]

    losses = table_from_records(records, y="loss")

    assert [group.name for group in losses.groups(["C"])] == ["lora (pretrained)", "lora (random)"]
    assert losses.notes[0] == "Random weights: the loss says nothing about a method."
    assert len(table_from_records(records, y="peak-allocated").groups(["S"])) == 1


def test_runs_match_by_settings_that_methods_share(make_record: MakeRecord) -> None:
    records = [
        make_record(method=method, seed=seed, dtype=dtype, lr=lr)
        for method, lr in (("lora", 1e-3), ("ladder", 1e-2))
        for seed in (0, 1)
        for dtype in ("bf16", "fp32")
    ]

    table = table_from_records(records, y="eval-loss")
    lora, ladder = table.groups(["C"])

    assert {"model", "data", "seed", "seq_len", "batch_size", "gradient_accumulation", "steps"} < set(table.pair_keys)
    assert "dtype" in table.pair_keys
    assert "lr" not in table.pair_keys
    assert sorted(map(str, lora.run_keys)) == sorted(map(str, ladder.run_keys))


def test_records_without_points_are_left_out_with_the_reason(make_record: MakeRecord) -> None:
    records = [
        make_record(),
        make_record(seed=1, status="oom", loss=[]),
        make_record(seed=2, loss=[2.0, float("nan")]),
        make_record(seed=3, loss=[]),
        make_record(seed=4, tokens_per_step=None),
    ]

    table = table_from_records(records, y="loss", x=["D"])

    assert [item.reason for item in table.left_out] == [
        "its status is oom",
        "its training loss is not a positive number (nan)",
        "it has no loss",
        "it has no tokens per step",
    ]


def test_a_ledger_may_give_no_point_at_all(make_record: MakeRecord) -> None:
    table = table_from_records([make_record(peak=None)], y="peak-allocated")

    assert table.frame.empty
    assert table.groups(["S"]) == []
    assert table.left_out[0].reason == "it has no memory"


def test_a_run_that_ran_out_of_memory_needs_at_least_what_it_had_and_asked_for(make_record: MakeRecord) -> None:
    ok = make_record(meter="cuda", gpu="Tesla T4")
    failed = make_record(
        meter="cuda",
        status="oom",
        error=CUDA_OOM,
        peak=None,
        params=None,
        seq_len=4096,
        loss=[],
    )

    table = table_from_records([ok, failed], y="peak-allocated")

    assert [group.name for group in table.groups(["S"])] == ["lora"]
    assert table.frame["censored"].to_list() == [False, True]
    assert table.frame["y"].iloc[1] == pytest.approx((12.495 + 1.995) * 2**30)
    assert any("1 runs ran out of memory" in note for note in table.notes)


def test_a_kill_by_the_operating_system_says_nothing_about_memory(make_record: MakeRecord) -> None:
    killed = make_record(status="oom", error="the process was killed by SIGKILL", peak=None)

    table = table_from_records([killed], y="peak-allocated")

    assert table.left_out[0].reason == "it ran out of memory, and does not say at how much"


def test_a_prediction_that_does_not_fit_is_what_a_larger_gpu_would_need(make_record: MakeRecord) -> None:
    table = table_from_records(
        [make_record(meter="predict", gpu="t4-16gb", status="oom", peak=20 * 2**30)], y="peak-allocated"
    )

    assert table.frame["y"].to_list() == [20 * 2**30]
    assert table.frame["censored"].to_list() == [False]
    assert any("would need" in note for note in table.notes)


def test_few_steps_are_far_too_few_for_a_law(make_record: MakeRecord) -> None:
    notes = table_from_records([make_record()], y="loss").notes

    assert any(
        "3 steps are far too few for a scaling law: compute spans at most 0.5 decades" in note for note in notes
    )


def test_conditions_are_over_roles_settings_and_what_the_record_says(make_record: MakeRecord, tmp_path: Path) -> None:
    path = ledger(
        tmp_path, *(make_record(method=method, seed=seed) for method in ("lora", "qlora") for seed in (0, 1))
    )
    where = ("method == 'lora' and seed in [0, 2]", "step > 1", "C < 1e13", "meter == 'cpu' and loss > 2")

    table = read_table([path], TableRequest(where=where))

    assert table.frame["y"].to_list() == [2.5, 2.25]
    assert table.notes[-1] == "The condition \"meter == 'cpu' and loss > 2\" keeps 2 of 2 points."


def test_conditions_in_short_are_those_of_all_commands_that_read_ledgers(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    path = ledger(
        tmp_path, *(make_record(method=method, seq_len=n) for method in ("lora", "qlora") for n in (64, 512))
    )

    table = read_table([path], TableRequest(where=("method=qlora,ladder", "seq-len=512:", "step=2:3")))

    assert table.frame["y"].to_list() == [2.5, 2.25]
    assert table.notes[-3:] == [
        "The condition 'method=qlora,ladder' keeps 2 of 4 records.",
        "The condition 'seq-len=512:' keeps 1 of 2 records.",
        "The condition 'step=2:3' keeps 2 of 3 points.",
    ]


def test_a_condition_on_points_may_be_about_what_the_record_says_too(make_record: MakeRecord, tmp_path: Path) -> None:
    path = ledger(tmp_path, make_record(), make_record(seed=1, peak=2 * 10**9))

    table = read_table([path], TableRequest(where=("step > 1 and peak_allocated_bytes > 1e9",)))

    assert table.frame["seed"].to_list() == ["1", "1"]


def test_a_cluster_may_be_a_setting(make_record: MakeRecord, tmp_path: Path) -> None:
    path = ledger(tmp_path, *(make_record(seed=seed, rank=rank) for seed in (0, 1) for rank in (4, 8)))

    (by_seed,) = read_table([path], TableRequest(cluster="seed")).groups(["C"])

    assert by_seed.points.n_runs == 2
    assert by_seed.run_names == ["0", "1"]


def test_predictors_that_never_vary_are_left_to_nobody(make_record: MakeRecord, tmp_path: Path) -> None:
    table = read_table([ledger(tmp_path, make_record())])

    assert list(table.axes) == ["C", "D"]
    assert table.sources == [str(tmp_path / "runs.jsonl")]


def test_of_a_ledger_laws_are_over_compute_or_length_where_nothing_is_asked_for(
    make_record: MakeRecord, tmp_path: Path
) -> None:
    path = ledger(tmp_path, make_record())
    (tmp_path / "runs.csv").write_text("D,loss\n1,2\n")

    assert default_x([path], None) == ("C",)
    assert default_x([path], "peak-reserved") == ("S",)
    assert default_x([tmp_path / "runs.csv"], None) == ()


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"x": ("time",)}, "unknown predictor of a ledger 'time'"),
        ({"y": "los"}, "unknown response of a ledger 'los': did you mean 'loss'?"),
        ({"by": "metod"}, "unknown setting to group by 'metod': did you mean 'method'?"),
        ({"columns": {"N": "params"}}, "--columns names columns of tables"),
        ({"weights": "w"}, "--weights names columns of tables"),
        ({"cluster": "sed"}, "unknown column of runs 'sed': did you mean 'seed'?"),
        ({"where": ("method == 'full'",)}, "leaves none of 1 records"),
        ({"where": ("method=full,qlora",)}, "leaves none of 1 records"),
        ({"where": ("step > 3",)}, "leaves none of 3 points"),
        ({"where": ("meters == 'cpu'",)}, "unknown column 'meters': did you mean 'meter'?"),
        ({"x": ("S",)}, "is only one point"),
        ({"y": "peak-reserved", "where": ("seed > 3",)}, "leaves none of 1 records"),
    ],
)
def test_what_a_ledger_cannot_give_is_refused(
    request_: dict[str, Any], message: str, make_record: MakeRecord, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refusal:
        read_table([ledger(tmp_path, make_record())], TableRequest(**request_))

    assert message in str(refusal.value)


def test_a_ledger_without_points_says_why(make_record: MakeRecord, tmp_path: Path) -> None:
    path = ledger(tmp_path, make_record(peak=None), make_record(seed=1, status="error", loss=[]))

    with pytest.raises(UsageError, match=r"gives a point of peak allocated memory: 1 because it has no memory; 1 bec"):
        read_table([path], TableRequest(y="peak-allocated"))


def test_a_constant_predictor_is_refused(make_record: MakeRecord, tmp_path: Path) -> None:
    path = ledger(tmp_path, make_record(), make_record(seed=1))

    with pytest.raises(UsageError, match=r"S \(sequence length\) is constant \(256\): a law needs several values"):
        read_table([path], TableRequest(y="peak-allocated", x=("seq-len",)))


def test_a_ledger_and_a_table_are_not_fitted_together(make_record: MakeRecord, tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("D,loss\n1,2\n2,1\n")

    with pytest.raises(UsageError, match=r"is a ledger and .* is not: fit them apart"):
        read_table([ledger(tmp_path, make_record()), table])


def test_an_unknown_response_is_refused(make_record: MakeRecord) -> None:
    with pytest.raises(UnknownNameError):
        table_from_records([make_record()], y="lose")


def test_parameters_and_memory_are_those_of_the_record(make_record: MakeRecord) -> None:
    record = make_record(
        params=Params(trainable=7, total=11),
        memory=Memory(peak_allocated_bytes=5, peak_reserved_bytes=None, peak_rss_bytes=None, breakdown_bytes={}),
    )

    assert table_from_records([record], y="eval-loss").frame[["T", "N"]].to_numpy().tolist() == [[7, 11]]
    assert table_from_records([record], y="peak-reserved").left_out[0].reason == "it has no reserved memory"
