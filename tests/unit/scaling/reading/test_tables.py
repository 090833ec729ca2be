from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ladderscope.errors import UsageError
from ladderscope.scaling.reading import TableRequest, read_table
from ladderscope.scaling.reading.columns import parse_columns
from ladderscope.scaling.table import ScalingTable

ReadText = Callable[..., ScalingTable]

ROWS: list[dict[str, Any]] = [
    {"run_id": "a", "method": "lora", "seed": 0, "params": 1e6, "flops": 6e15 / 7, "loss": 3.1, "note": "x, y"},
    {"run_id": "b", "method": "lora", "seed": 1, "params": 2e6, "flops": 2.4e16, "loss": 0.1 + 0.2, "note": ""},
    {"run_id": "c", "method": "qlora", "seed": 0, "params": 1e6, "flops": 6e15, "loss": 3.0, "note": "z"},
    {"run_id": "d", "method": "qlora", "seed": 1, "params": 2e6, "flops": 3e16, "loss": 2.5, "note": "z"},
]
SIX_RUNS = "run,D,loss\n" + "".join(f"r{i},{10**i},{4 - i / 4}\n" for i in range(1, 7))


def written(folder: Path, suffix: str) -> Path:
    path = folder / f"runs{suffix}"
    if suffix == ".csv":
        pd.DataFrame(ROWS).to_csv(path, index=False)
    elif suffix == ".tsv":
        pd.DataFrame(ROWS).to_csv(path, index=False, sep="\t")
    elif suffix == ".parquet":
        pd.DataFrame(ROWS).to_parquet(path)
    else:
        path.write_text("\n".join(map(json.dumps, ROWS)) + "\n")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".table"])
def test_every_format_gives_the_same_table(suffix: str, tmp_path: Path) -> None:
    table = read_table([written(tmp_path, suffix)])

    assert list(table.frame.columns) == ["y", "N", "C", "group", "run", "weight", "censored", "seed"]
    assert table.frame["y"].to_list() == [row["loss"] for row in ROWS]
    assert table.frame["C"].to_list() == [row["flops"] for row in ROWS]
    assert table.frame["run"].to_list() == ["a", "b", "c", "d"]
    assert table.frame["seed"].to_list() == ["0", "1", "0", "1"]
    assert [group.name for group in table.groups(["C"])] == ["lora", "qlora"]


def test_names_with_leading_zeros_stay_as_they_are(read_text: ReadText) -> None:
    table = read_text("run,D,loss,seed\n01,1,3,7\n1,2,2,8\n")

    assert table.frame[["run", "seed"]].to_numpy().tolist() == [["01", "7"], ["1", "8"]]


def test_numbers_of_csv_are_exact_and_quoted_fields_may_hold_commas(read_text: ReadText) -> None:
    table = read_text('run,D,loss\n"a, b",1e21,0.30000000000000004\nc,2e21, 2.5 \n')

    assert table.frame["y"].to_list() == [0.1 + 0.2, 2.5]
    assert table.frame["run"].to_list() == ["a, b", "c"]


def test_several_tables_are_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("run,D,loss\na,1,3\n")
    (tmp_path / "b.jsonl").write_text('{"run": "b", "D": 2, "loss": 2}\n')

    table = read_table([tmp_path / "a.csv", tmp_path / "b.jsonl"])

    assert table.frame[["D", "y"]].to_numpy().tolist() == [[1, 3], [2, 2]]
    assert table.sources == [str(tmp_path / "a.csv"), str(tmp_path / "b.jsonl")]


def test_a_row_of_several_tables_is_named_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("run,D,loss\na,1,3\n")
    (tmp_path / "b.csv").write_text("run,D,loss\nb,2,-2\n")

    with pytest.raises(UsageError, match=r"loss is negative in row 1 of b\.csv"):
        read_table([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_columns_play_the_roles_that_the_user_names(read_text: ReadText) -> None:
    text = "id,who,size,corpus,ppl\n7,lora,10,1e6,3\n8,lora,20,1e7,2\n"

    table = read_text(text, "N=size,D=corpus,loss=ppl", "run=id,method=who")

    assert table.frame[["N", "D", "y"]].to_numpy().tolist() == [[10, 1e6, 3], [20, 1e7, 2]]
    assert table.frame["run"].to_list() == ["7", "8"]
    assert (table.by, table.frame["group"].to_list()) == ("method", ["lora", "lora"])
    assert table.axes["N"].counts == "'size' of runs.csv"


def test_columns_can_be_derived_from_others(read_text: ReadText) -> None:
    text = "run,Model Size,Training FLOP,loss\na,1e6,6e15,3\nb,2e6,2.4e16,2.5\n"

    table = read_text(text, "N=`Model Size`,C=Training FLOP,D=`Training FLOP`/(6*N)")

    assert table.frame["D"].to_list() == pytest.approx([1e9, 2e9])
    assert table.axes["N"].counts == "'Model Size' of runs.csv"


def test_the_chinchilla_data_is_read_with_its_tokens_derived() -> None:
    shared = os.environ.get("LADDERSCOPE_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data"
    path = Path(shared) / "scaling" / "epoch-chinchilla" / "svg_extracted_data.csv"
    if not path.is_file():
        pytest.skip(f"no published points at {path}; set LADDERSCOPE_SHARED_DATA to the folder that holds them")
    columns = parse_columns(["N=`Model Size`,C=`Training FLOP`,D=C/(6*N)"])

    table = read_table([path], TableRequest(columns=columns, where=("loss < 4",)))

    frame = table.frame
    assert (frame["D"] * frame["N"] * 6).to_list() == pytest.approx(frame["C"].to_list())
    assert (frame["y"] < 4).all()


def test_a_table_without_methods_is_one_group(read_text: ReadText) -> None:
    assert [group.name for group in read_text(SIX_RUNS).groups(["D"])] == ["all"]


def test_by_may_be_any_column_or_role(read_text: ReadText) -> None:
    text = "run,D,loss,lora_rank,phase of moon\na,1,3,4,new\nb,2,2,4,full\nc,1,3,8,new\nd,2,2,8,full\n"

    assert [group.name for group in read_text(text, by="rank", x=("D",)).groups(["D"])] == ["4", "8"]
    assert [group.name for group in read_text(text, by="phase of moon", x=("R",)).groups(["R"])] == ["new", "full"]


def test_any_column_can_be_a_predictor_or_the_response(read_text: ReadText) -> None:
    text = "run,width,val_error\na,64,0.5\nb,128,0.25\n"

    table = read_text(text, x=("width",), y="val_error")

    assert table.frame[["width", "y"]].to_numpy().tolist() == [[64, 0.5], [128, 0.25]]
    assert table.response.name == "val_error"
    assert list(table.axes) == ["width"]


def test_memory_is_read_in_bytes_with_cells_that_did_not_fit(read_text: ReadText) -> None:
    text = "run,seq_len,peak_gib,outcome\na,128,1,ok\nb,256,2,ok\nc,512,2.5,oom\n"

    table = read_text(text, "memory=peak_gib*2**30,status=outcome", y="peak-allocated")

    assert table.response.unit == "bytes"
    assert table.frame["y"].to_list() == [2**30, 2**31, 2.5 * 2**30]
    assert table.frame["censored"].to_list() == [False, False, True]


def test_memory_of_a_few_bytes_is_asked_about(read_text: ReadText) -> None:
    text = "run,seq_len,memory\na,128,1.5\nb,256,2.5\n"

    assert "Memory is taken for bytes, and all of it is below 1 MB" in read_text(text).notes[0]
    assert read_text(text, "memory=memory*2**30").notes == []


OUT_OF_MEMORY = "run,seq_len,peak_memory,status\na,128,1e9,ok\nb,256,2e9,OK\nc,512,{peak},{status}\n"


@pytest.mark.parametrize("status", ["oom", "OOM", "out_of_memory"])
def test_a_status_of_runs_out_of_memory_is_found_by_its_name(status: str, read_text: ReadText) -> None:
    table = read_text(OUT_OF_MEMORY.format(peak="4e9", status=status))

    assert table.response.name == "memory"
    assert table.frame["censored"].to_list() == [False, False, True]
    assert table.notes == ["Rows whose status is out of memory are lower bounds of the memory that is needed: 1."]


def test_a_status_of_other_words_is_named_and_not_used(read_text: ReadText) -> None:
    table = read_text(OUT_OF_MEMORY.format(peak="4e9", status="crashed"))

    assert table.frame["censored"].to_list() == [False, False, False]
    assert "The column 'status' (ok, OK and crashed) is not used: --columns status=status" in table.notes[0]


def test_a_blank_peak_of_a_run_out_of_memory_is_asked_for_as_a_bound(read_text: ReadText) -> None:
    with pytest.raises(UsageError, match="row 3, out of memory: fill in what was needed at least"):
        read_text(OUT_OF_MEMORY.format(peak="", status="oom"))

    assert len(read_text(OUT_OF_MEMORY.format(peak="", status="oom"), where=("memory > 0",)).frame) == 2


def test_weights_are_used_when_they_are_named_and_not_otherwise(read_text: ReadText) -> None:
    text = "run,D,loss,weight\na,1,3,2\nb,2,2,4\n"

    assert read_text(text).frame["weight"].to_list() == [1, 1]
    assert read_text(text, weights="weight").frame["weight"].to_list() == [2, 4]
    assert read_text(text, "weight=1/weight").frame["weight"].to_list() == [0.5, 0.25]


def test_a_column_of_text_runs_is_the_cluster_that_is_named(read_text: ReadText) -> None:
    text = "trial,rep,D,loss\n1,1,1,3\n1,1,2,2\n1,2,1,3.1\n1,2,2,2.1\n"

    (group,) = read_text(text, cluster="trial,rep").groups(["D"])

    assert group.run_names == ["1 / 1", "1 / 2"]
    assert group.points.run.tolist() == [0, 0, 1, 1]


def test_clusters_may_be_coarser_than_runs(read_text: ReadText) -> None:
    text = "run,model,D,loss\na,m,1,3\nb,m,1,3.1\nc,n,2,2\nd,n,2,2.1\n"

    (group,) = read_text(text, cluster="model").groups(["D"])

    assert group.run_names == ["m", "n"]


def test_conditions_keep_rows_and_say_how_many(read_text: ReadText) -> None:
    table = read_text(SIX_RUNS, where=("D > 10", "loss > 2.6"))

    assert table.frame["D"].to_list() == [100, 1000, 1e4, 1e5]
    assert table.notes[:2] == [
        "The condition 'D > 10' keeps 5 of 6 points.",
        "The condition 'loss > 2.6' keeps 4 of 5 points.",
    ]


def test_conditions_see_roles_before_columns_of_the_same_name(read_text: ReadText) -> None:
    text = "run,N,params,loss\na,1,10,3\nb,2,20,2\nc,3,30,1\n"

    assert read_text(text, "N=params", where=("N > 10",)).frame["N"].to_list() == [20, 30]


def test_rows_that_a_condition_leaves_out_may_hold_anything(read_text: ReadText) -> None:
    text = "run,D,loss,state\na,1,3,done\nb,2,diverged,failed\nc,3,,failed\nd,4,2,done\n"

    assert read_text(text, where=("state == 'done'",)).frame["y"].to_list() == [3, 2]


def test_missing_numbers_can_be_left_out_as_the_refusal_says(read_text: ReadText) -> None:
    text = "run,D,loss\na,1,3\nb,2,nan\nc,3,-1\nd,4,2\n"

    with pytest.raises(UsageError, match=r'--where "loss > 0"'):
        read_text(text)
    assert read_text(text, where=("loss > 0",)).frame["y"].to_list() == [3, 2]


def test_without_runs_each_row_is_its_own_and_a_note_says_so(read_text: ReadText) -> None:
    table = read_text("C,N,loss\n1,1,3\n4,2,2\n9,3,1\n")

    assert table.groups(["C"])[0].points.n_runs == 3
    assert table.notes == ["The table names no training runs, so each row counts as a run of its own."]


def test_rows_that_look_like_checkpoints_are_warned_about(read_text: ReadText) -> None:
    text = "method,tokens,loss\n" + "".join(f"{m},{t},{5 - t}\n" for m in ("lora", "qlora") for t in (1, 2, 3))

    note = read_text(text).notes[-1]

    assert "6 of 6 rows differ from others in D alone" in note
    assert "--columns run=COLUMN" in note
    assert len(read_text(text, "run=method").notes) == 0


def test_checkpoints_without_a_run_column_are_runs_by_what_stays_the_same(read_text: ReadText) -> None:
    text = "method,N,seed,C,loss\n" + "".join(
        f"{m},{n},{seed},{c},{9 - c / n}\n"
        for m in ("lora", "qlora")
        for n in (10, 20)
        for seed in (0, 1)
        for c in range(1, 5)
    )

    table = read_text(text)
    lora, qlora = table.groups(["C"])

    assert (lora.points.n_runs, qlora.points.n_runs, len(lora.points)) == (4, 4, 16)
    (note,) = table.notes
    assert "rows that differ in C alone count as checkpoints of one run" in note
    assert "method, seed and N tell apart (8 runs)" in note
    apart = read_text(text, cluster="method,seed,N,C")
    assert "say so with --cluster method,seed,N,C." in note
    assert apart.groups(["C"])[0].points.n_runs == 16


def test_any_column_that_stays_the_same_along_checkpoints_tells_runs_apart(read_text: ReadText) -> None:
    text = "N,lr,step,C,loss,final\n" + "".join(
        f"5,{lr},{step},{6 * step},{3 - step / 9 + lr},{step == 4}\n" for lr in (0.1, 0.2, 0.3) for step in range(1, 5)
    )

    assert set(read_text(text).frame["run"]) == {"all / 5 / 0.1", "all / 5 / 0.2", "all / 5 / 0.3"}


def test_rows_of_different_settings_stay_runs_of_their_own(read_text: ReadText) -> None:
    text = "N,seed,C,loss\n" + "".join(f"{n},{seed},{n * n},{3 - n / 9}\n" for n in range(1, 7) for seed in (0, 1, 2))

    table = read_text(text)

    assert table.groups(["C"])[0].points.n_runs == 18
    assert len(table.notes) == 1


def test_a_column_found_by_its_name_that_is_no_predictor_is_noted(read_text: ReadText) -> None:
    table = read_text("run,D,N,loss\na,1,0,3\nb,2,5,2\n")

    assert list(table.axes) == ["D"]
    assert table.notes == ["Parameters (N) is no predictor here: it is not a positive number in row 1."]


def test_runs_match_by_model_data_seed_and_budget_and_by_shared_sizes(read_text: ReadText) -> None:
    text = "run,method,seed,model,params,tokens,loss\n" + "".join(
        f"{m}{n},{m},0,{n}-b,{n},{n * f},{5 / n}\n" for m, f in (("lora", 1), ("qlora", 2)) for n in (1, 2, 3)
    )

    table = read_text(text)
    lora, qlora = table.groups(["D"])

    assert table.pair_keys == ("model", "seed", "N")
    assert lora.run_keys == qlora.run_keys
    assert lora.pooled == {"model": ["1-b", "2-b", "3-b"]}


@pytest.mark.parametrize(
    ("text", "request_", "message"),
    [
        ("", {}, "is empty"),
        ("run,D,loss\n", {}, "has no rows: a law needs points"),
        ("run,D\na,1\nb,2\n", {}, "no column for loss: name it with --columns loss=COLUMN; its columns are run, D"),
        ("run,loss\na,1\nb,2\n", {}, "the table has no predictor: name one with --columns"),
        (SIX_RUNS, {"x": ("compute",)}, "no column for C (compute): name it with --columns C=COLUMN"),
        (SIX_RUNS, {"x": ("widht",)}, "unknown predictor 'widht'"),
        (SIX_RUNS, {"y": "memory"}, "no column for memory"),
        (SIX_RUNS, {"by": "metod"}, "unknown column 'metod'"),
        (SIX_RUNS, {"columns": {"N": "parms"}}, "unknown column 'parms'"),
        (SIX_RUNS, {"columns": {"N": "Model Sise"}}, "unknown column 'Model Sise'"),
        (SIX_RUNS, {"columns": {"N": "D.sum()"}}, "D.sum() is not allowed"),
        (SIX_RUNS, {"columns": {"seed": "sed"}}, "unknown column 'sed'"),
        (SIX_RUNS, {"weights": "w"}, "unknown column 'w'"),
        (SIX_RUNS, {"cluster": "experiment"}, "unknown column 'experiment'"),
        (
            SIX_RUNS,
            {"where": ("los > 3",)},
            "unknown column 'los': did you mean 'loss'? The columns are run, D, loss.",
        ),
        (SIX_RUNS, {"where": ("loss > 9",)}, "--where 'loss > 9' leaves none of 6 points: loosen it"),
        (SIX_RUNS, {"where": ("D == 10",)}, "there is only one point"),
        ("run,D,loss\na,1,3\nb,2,abc\nc,3,x\n", {}, "column 'loss' is not a number in rows 2 and 3 ('abc')"),
        ("run,D,loss\na,1,3\nb,2,\nc,3,1\n", {}, "loss is missing (NaN) in row 2"),
        ("run,D,loss\na,1,3\nb,2,inf\nc,3,1\n", {}, "loss is infinite in row 2"),
        ("run,D,loss\na,1,3\nb,2,-1\nc,3,-2\n", {}, "loss is negative in rows 2 and 3"),
        ("run,D,loss\na,1,3\nb,2,0\nc,3,1\n", {}, "loss is zero in row 2"),
        ("run,D,loss\na,1,3\nb,-2,1\nc,3,1\n", {"x": ("D",)}, "D (training tokens) is negative in row 2"),
        ("run,D,loss\na,,3\nb,2,1\nc,3,1\n", {"x": ("D",)}, "D (training tokens) is missing (NaN) in row 1"),
        ("run,t,loss\na,0,3\nb,2,1\nc,3,1\n", {"columns": {"D": "t"}}, "D (training tokens) is zero in row 1"),
        ("run,D,loss,w\na,1,3,0\nb,2,1,1\n", {"weights": "w"}, "the weight is zero in row 1"),
        ("run,D,loss\na,1,3\n", {}, "there is only one point"),
        ("run,D,loss\na,5,3\nb,5,2\nc,5,1\n", {}, "D (training tokens) is constant (5)"),
        ("run,method,D,loss\na,p,5,3\nb,q,6,2\n", {}, "D (training tokens) is constant within every method (5, 6)"),
        ("run,D,loss\na,1,3\nb,2,2\na,1,2.9\n", {}, "the run 'a' stands twice at the same D, in rows 1 and 3"),
        ("run,method,D,loss\na,p,1,3\na,q,2,2\n", {}, "the run 'a' stands under p and q, and a run has one method"),
        ("D,loss\n1,3\n2,2\n1,3\n", {}, "rows 1 and 3 are the same in every column"),
        ("run,D,loss\na,1,3\n,2,2\n", {}, "column 'run' is missing in row 2"),
        ("run,method,D,loss\na,p,1,3\nb,,2,2\n", {}, "column 'method' is missing in row 2"),
        ("run,D,loss,censored\na,1,3,no\nb,2,2,maybe\n", {}, "neither true (oom) nor false (ok) in row 2 ('maybe')"),
        ("run,D,loss,loss\na,1,3,3\nb,2,2,2\n", {}, "has two columns called 'loss'"),
        ("run,D,loss\na,1,3,9\nb,2,2,9\n", {}, "row 1 of"),
        ("run,D,loss\na,1,3\nb,2,2,9\n", {}, "has 4 fields and its header has 3: quote fields that hold a comma"),
        ("run;D;loss\na;1;3,5\n", {}, "seems to be separated by semicolons: save it with commas or tabs"),
        ('{"D": 1, "loss": 3}\n{"D": 2,\n', {}, "line 2 of"),
        ('{"D": 1, "loss": 3}\n[1]\n', {}, "is not a JSON object"),
        ('[{"D": 1, "loss": 3}]', {}, "is a JSON array: write one object on each line"),
    ],
)
def test_a_wrong_table_is_refused_in_one_sentence(
    text: str, request_: dict[str, Any], message: str, read_text: ReadText
) -> None:
    columns = [f"{role}={column}" for role, column in request_.pop("columns", {}).items()]

    with pytest.raises(UsageError) as refusal:
        read_text(text, *columns, **request_)

    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["none.csv", "none.jsonl", "none.parquet", "."])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*: (No such file|Is a directory)"):
        read_table([tmp_path / name])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs.parquet", b"a,b\n1,2\n", "is not a Parquet file"),
        ("runs.parquet", b"PAR1 and then nothing", "is not a Parquet file that can be read"),
        ("runs.csv", "run,löss\na,1\n".encode("latin-1"), "is not text in UTF-8"),
    ],
)
def test_a_damaged_file_is_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError, match=message):
        read_table([tmp_path / name])


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_bytes("D,loss\n1,3\n2,2\n".encode("utf-8-sig"))

    assert list(read_table([tmp_path / "runs.csv"]).axes) == ["D"]
