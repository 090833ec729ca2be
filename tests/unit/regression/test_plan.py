from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.errors import CannotMeasureError, UnknownNameError, UsageError
from ladderscope.records import DEFAULT_GPU, Cell
from ladderscope.regression.baseline import Baseline, read_baseline, write_baseline
from ladderscope.regression.entry import Entry
from ladderscope.regression.plan import plan_check, plan_update
from ladderscope.regression.request import Request
from ladderscope.regression.run import Subject

MakeCell = Callable[..., Cell]
GPU = "rtx-3060-12gb"
GRID = "model: random:tiny-llama\nmethod: [lora, full]\nrank: 4\nseq-len: 32\ndtype: fp32\n"


@pytest.fixture
def baseline(tiny_cell: MakeCell, tmp_path: Path) -> Path:
    """A baseline of lora and ladder predicted for one GPU, and of lora predicted for another and measured on a CPU."""
    subjects = [
        Subject.of_cell(tiny_cell(method="lora"), "predict", GPU),
        Subject.of_cell(tiny_cell(method="ladder"), "predict", GPU),
        Subject.of_cell(tiny_cell(method="lora"), "predict", "rtx-4090-24gb"),
        Subject.of_cell(tiny_cell(method="lora"), "cpu", None),
    ]
    entries = {
        s.name: Entry(
            name=s.name, meter=s.meter, gpu=s.gpu, settings=s.cell.to_json(), metrics={"peak_allocated": 1, "flops": 2}
        )
        for s in subjects
    }
    path = tmp_path / "baseline.json"
    write_baseline(path, Baseline(cells=entries, fail_on={"peak_allocated": "0", "flops": "1%"}))
    return path


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    return path


def test_a_check_is_about_all_predicted_entries(baseline: Path) -> None:
    plan = plan_check(Request(baseline=baseline))
    assert [(s.cell.method, s.gpu) for s in plan.subjects] == [
        ("ladder", GPU),
        ("lora", GPU),
        ("lora", "rtx-4090-24gb"),
    ]
    assert plan.unchecked == {"measured on a CPU": 1}


def test_a_gpu_leaves_the_others_out(baseline: Path) -> None:
    plan = plan_check(Request(baseline=baseline, gpus=["rtx-4090-24gb"]))
    assert [s.gpu for s in plan.subjects] == ["rtx-4090-24gb"]
    assert plan.unchecked == {"measured on a CPU": 1, f"predicted for {GPU}": 2}


def test_measured_entries_are_checked_where_they_are_asked_for(baseline: Path) -> None:
    plan = plan_check(Request(baseline=baseline, meter="cpu", repeat=3))
    assert [(s.meter, s.gpu) for s in plan.subjects] == [("cpu", None)]


def test_a_measurement_is_repeated_as_often_as_the_baselines(baseline: Path) -> None:
    old = read_baseline(baseline)
    repeated = {
        name: dataclasses.replace(entry, repeats={} if entry.is_prediction else {"peak_allocated": [1, 1, 2]})
        for name, entry in old.cells.items()
    }
    write_baseline(baseline, dataclasses.replace(old, cells=repeated))
    assert plan_check(Request(baseline=baseline, meter="cpu")).repeat == 3
    assert plan_check(Request(baseline=baseline, meter="cpu", repeat=5)).repeat == 5
    assert plan_check(Request(baseline=baseline)).repeat == 1


def test_a_baseline_of_another_gpu_names_both(baseline: Path) -> None:
    old = read_baseline(baseline)
    moved = {name: dataclasses.replace(e, gpu=e.gpu or "NVIDIA H100") for name, e in old.cells.items()}
    write_baseline(baseline, dataclasses.replace(old, cells=moved))
    with pytest.raises(CannotMeasureError, match="was measured on NVIDIA H100, and this machine measures on a CPU"):
        plan_check(Request(baseline=baseline, meter="cpu"))


def test_thresholds_of_the_request_go_over_those_of_the_file(baseline: Path) -> None:
    limits = plan_check(Request(baseline=baseline, fail_on=["flops:5%,peak_allocated:1KiB"])).limits
    assert {name: limit.text for name, limit in limits.items()} == {"peak_allocated": "1KiB", "flops": "5%"}


def test_a_grid_of_a_check_is_compared_whether_or_not_it_is_in_the_baseline(baseline: Path, grid: Path) -> None:
    plan = plan_check(Request(baseline=baseline, grids=[grid], gpus=[GPU]))
    in_baseline = [s.name in plan.old.cells for s in plan.subjects]
    assert [s.cell.method for s in plan.subjects] == ["lora", "full"]
    assert in_baseline == [True, False]
    assert plan.unchecked["not in the grid"] == 1


def test_an_update_runs_what_is_there(baseline: Path) -> None:
    plan = plan_update(Request(baseline=baseline, patterns=["ladder"]))
    assert [s.cell.method for s in plan.subjects] == ["ladder"]
    assert plan.removed == []


def test_an_update_with_a_grid_drops_what_is_not_in_it(baseline: Path, grid: Path) -> None:
    plan = plan_update(Request(baseline=baseline, grids=[grid], gpus=[GPU]))
    assert [s.cell.method for s in plan.subjects] == ["lora", "full"]
    assert [plan.old.cells[name].cell.method for name in plan.removed] == ["ladder"]


def test_an_update_of_a_selection_drops_nothing_else(baseline: Path, grid: Path) -> None:
    plan = plan_update(Request(baseline=baseline, grids=[grid], gpus=[GPU], patterns=["method=full"]))
    assert [s.cell.method for s in plan.subjects] == ["full"]
    assert plan.removed == []


def test_the_first_update_predicts_for_the_default_gpu(grid: Path, tmp_path: Path) -> None:
    plan = plan_update(Request(baseline=tmp_path / "new.json", grids=[grid]))
    assert {s.gpu for s in plan.subjects} == {DEFAULT_GPU}
    assert plan.old == Baseline()


def test_without_a_baseline_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with pytest.raises(CannotMeasureError, match=r"there is no baseline .*: make one with --update") as caught:
        plan_check(Request(baseline=tmp_path / "none.json"))
    assert caught.value.exit_code == 3


def test_a_baseline_of_other_meters_alone_cannot_be_checked(baseline: Path) -> None:
    with pytest.raises(
        CannotMeasureError,
        match=r"has no cells for --meter predict and --gpu a100-80gb \(it has .*1 measured on a CPU",
    ):
        plan_check(Request(baseline=baseline, gpus=["a100-80gb"]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"meter": "cdua"}, "unknown meter 'cdua': did you mean 'cuda'"),
        ({"repeat": 3}, "predictions repeat to the byte"),
        ({"meter": "cpu", "gpus": [GPU]}, "leave it out where cells are measured"),
        ({"fail_on": ["peak_alocated:0"]}, "unknown metric 'peak_alocated': did you mean 'peak_allocated'"),
        ({"fail_on": ["generation_peak_allocated:0"]}, "no cell that is to be checked has generation_peak_allocated"),
        ({"patterns": ["nothing like it"]}, "matches none of 3 cells"),
        ({"gpus": ["rtx-3060"]}, "unknown GPU"),
    ],
)
def test_nonsense_is_refused(baseline: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=message):
        plan_check(Request(baseline=baseline, **settings))  # type: ignore[arg-type]


def save_config(path: Path, **fields: object) -> None:
    path.write_text(
        json.dumps({"peft_type": "LORA", "task_type": "CAUSAL_LM", "target_modules": ["q_proj"], **fields})
    )


def test_a_method_that_a_file_decides_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_config(Path("adapter_config.json"), r=4)
    Path("grid.yaml").write_text("model: random:tiny-llama\nmethod: peft:adapter_config.json\nseq-len: 32\n")
    request = Request(baseline=Path("baseline.json"), grids=[Path("grid.yaml")])
    (subject,) = plan_update(request).subjects
    assert subject.name == f"random:tiny-llama peft:adapter_config.json 32 tokens, predicted for {GPU}"
    entry = Entry(
        name=subject.name,
        meter="predict",
        gpu=GPU,
        settings=subject.cell.to_json(),
        asked=dict(subject.asked),
        metrics={"peak_allocated": 1},
    )
    write_baseline(Path("baseline.json"), Baseline(cells={entry.name: entry}))

    save_config(Path("adapter_config.json"), r=16)
    for again in (Request(baseline=Path("baseline.json")), request):
        (changed,) = plan_check(again).subjects
        assert changed.name == subject.name
        assert "r=4" in subject.cell.settings
        assert "r=16" in changed.cell.settings

    Path("adapter_config.json").unlink()
    with pytest.raises(CannotMeasureError, match=r"cannot be made again: there is no adapter_config.json"):
        plan_check(Request(baseline=Path("baseline.json")))


def test_each_gpu_that_is_asked_for_needs_entries(baseline: Path) -> None:
    with pytest.raises(CannotMeasureError, match="has no entries predicted for t4-16gb"):
        plan_check(Request(baseline=baseline, gpus=[GPU, "t4-16gb"]))


def test_each_pattern_needs_a_cell(baseline: Path) -> None:
    with pytest.raises(UsageError, match="--select 'laddre' matches none"):
        plan_check(Request(baseline=baseline, patterns=["lora", "laddre"]))


def test_a_limit_of_the_file_that_cannot_fail_says_so(baseline: Path) -> None:
    old = read_baseline(baseline)
    write_baseline(baseline, dataclasses.replace(old, fail_on={"flops": "0", "generation_peak_allocated": "0"}))
    plan = plan_check(Request(baseline=baseline))
    assert plan.limits_as_text == {"flops": "0", "generation_peak_allocated": "0 (no checked entry has it)"}


def test_a_gpu_that_is_not_there_is_no_slip_of_the_user(baseline: Path) -> None:
    with pytest.raises(CannotMeasureError, match="needs a CUDA device"):
        plan_check(Request(baseline=baseline, meter="cuda"))


def test_models_that_the_machine_has_no_room_for_are_refused_before_they_are_loaded(tmp_path: Path) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text("model: random:llama-2-70b\nmethod: full\n")
    with pytest.raises(UsageError, match="random:llama-2-70b"):
        plan_update(Request(baseline=tmp_path / "new.json", grids=[grid], meter="cpu"))


def test_the_first_update_needs_a_grid(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="say what is to be in it with --grid"):
        plan_update(Request(baseline=tmp_path / "none.json"))
