"""``ladderscope study``: from a definition to a verdict, with real predictions of a tiny model."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from ladderscope.cli import run
from ladderscope.cli.study import _print_rows, _Row
from ladderscope.ledger import read_ledger
from ladderscope.records import Status
from ladderscope.studies.folder import Study, find_study
from ladderscope.studies.report import page_path
from ladderscope.studies.run import study_jobs

TEXT = (
    "A model that is tiny takes less memory than any model that is not tiny and this holds on any machine for whoever"
)
"""A claim that is longer than a line."""
LAST = "whoever"


def files_below(folder: Path) -> dict[str, bytes]:
    """Of all files but locks and caches."""
    files = [path for path in folder.rglob("[!._]*") if path.is_file() and path.suffix != ".pyc"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def study(*arguments: str, root: Path) -> int:
    return run(["study", *arguments, "--studies", str(root)])


def test_a_run_fills_the_ledger_with_the_grid_and_what_the_analysis_asks_for(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = read_ledger(done / "tiny" / "ledger.jsonl")
    assert [(record.cell.seq_len, record.gpu, record.status) for record in records] == [
        (32, "8GiB:sm86", "ok"),
        (64, "8GiB:sm86", "ok"),
    ]
    assert all(record.details is None and record.env["torch"] for record in records)
    before = files_below(done)
    capsys.readouterr()
    assert study("run", "tiny", root=done) == 0
    assert "is complete" in capsys.readouterr().err
    assert files_below(done) == before


@pytest.mark.slow
def test_a_part_of_a_predicted_study_may_be_measured(root: Path) -> None:
    path = root / "tiny" / "study.yaml"
    measured = '  - {model: "random:tiny-llama", method: lora, seq-len: 32, steps: 2, gpu: null}\n'
    path.write_text(path.read_text().replace("quick-tolerance", f"{measured}meter: cpu\nquick-tolerance", 1))
    assert study("run", "tiny", root=root) == 0
    found = {(one.meter, one.gpu, one.status) for one in read_ledger(root / "tiny" / "ledger.jsonl")}
    assert {("predict", "8GiB:sm86", "ok"), ("cpu", None, "ok")} <= found


def test_a_report_holds_claim_rule_verdict_numbers_and_provenance(done: Path) -> None:
    assert study("report", "tiny", root=done) == 0
    text = (done / "tiny" / "README.md").read_text()
    peaks = [record.memory.peak_allocated_bytes for record in read_ledger(done / "tiny/ledger.jsonl") if record.memory]
    for part in (
        "| Tiny is small | **reproduced** | predicted |",
        "Source: a paper, page 1",
        "- Rule: below 1 GiB",
        "- Rule written: before any record",
        f"The peak is {max(peaks)} bytes.",
        "ladderscope study run tiny",
        f"| 64 | {peaks[1]} |",
        "**Predicted**, not measured.",
        "![Peaks](figures/peaks.svg)",
        "- It is tiny.",
        "| torch |",
    ):
        assert part in text
    page = page_path(done).read_text()
    assert "[tiny](../../studies/tiny/README.md)" in page
    assert (page_path(done).parent / "../../studies/tiny/README.md").resolve() == (done / "tiny/README.md").resolve()


def test_a_second_report_changes_no_byte(done: Path) -> None:
    assert study("report", "all", root=done) == 0
    before = files_below(done.parent)
    assert {name.rpartition("/")[2] for name in before} >= {"README.md", "peaks.svg", "peaks.png"}
    assert study("report", "all", root=done) == 0
    assert files_below(done.parent) == before


def test_figures_that_are_drawn_no_more_go(done: Path) -> None:
    stale = done / "tiny" / "figures" / "older.svg"
    stale.parent.mkdir()
    stale.write_text("<svg/>")
    assert study("report", "tiny", root=done) == 0
    assert sorted(path.name for path in stale.parent.iterdir()) == ["peaks.png", "peaks.svg"]


@pytest.mark.slow
def test_a_quick_run_has_a_ledger_of_its_own_and_is_compared(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (done / "tiny" / "ledger.jsonl").read_bytes()
    capsys.readouterr()
    assert study("run", "tiny", "--quick", root=done) == 0
    assert "peak allocated: exactly the committed value, 1 cell" in capsys.readouterr().err
    assert len(read_ledger(done / "tiny" / "quick.jsonl")) == 1
    assert (done / "tiny" / "ledger.jsonl").read_bytes() == before


def test_a_quick_run_starts_afresh_and_fails_where_it_is_too_far_off(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = done / "tiny" / "ledger.jsonl"
    right = ledger.read_text()
    (done / "tiny" / "quick.jsonl").write_text(right)
    peak = read_ledger(ledger)[0].memory
    assert peak is not None
    ledger.write_text(
        right.replace(f'_bytes":{peak.peak_allocated_bytes},', f'_bytes":{peak.peak_allocated_bytes + 1},')
    )
    capsys.readouterr()
    assert study("run", "tiny", "--quick", root=done) == 1
    said = capsys.readouterr().err
    assert "Ran 1 cell now." in said
    assert "Further off than the quick-tolerance of study.yaml: peak allocated (0)" in said
    assert said.count("8GiB:sm86: GPU with 8 GiB, compute capability 8.6") == 1


def test_the_list_shows_verdicts(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study("list", "--json", root=done) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["study"], row["claim"], row["verdict"], row["basis"]) == ("tiny", "small", "reproduced", "predicted")
    assert row["kind"] == "paper"


def test_a_narrow_list_keeps_study_claim_and_verdict(
    done: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    (done / "tiny").rename(done / "tiny_with_a_long_name")
    assert study("list", root=done) == 0
    lines = capsys.readouterr().out.splitlines()
    names, hidden = lines[:3], " ".join(lines[3:])
    assert [line.strip() for line in names] == ["tiny_with_a_long_name", "small", "reproduced, predicted"]
    assert hidden == "Not shown at this width: what is claimed."
    assert max(map(len, lines)) <= 30


@pytest.mark.parametrize(
    ("columns", "shown", "hidden"),
    [
        (36, {"reproduced"}, "Not shown at this width: numbers, what is claimed."),
        (60, {"reproduced", "predicted"}, "Not shown at this width: what is claimed."),
        (140, {"reproduced", "predicted", LAST}, ""),
    ],
)
def test_the_list_says_what_it_leaves_out(
    columns: int,
    shown: set[str],
    hidden: str,
    done: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    definition = done / "tiny" / "study.yaml"
    definition.write_text(definition.read_text().replace("text: Tiny is small", f"text: {TEXT}"))
    monkeypatch.setenv("COLUMNS", str(columns))
    assert study("list", root=done) == 0
    lines = capsys.readouterr().out.splitlines()
    table, mark, rest = "\n".join(lines).partition("Not shown")
    assert {part for part in ("reproduced", "predicted", LAST) if part in table} == shown
    assert " ".join((mark + rest).split()) == hidden
    assert max(map(len, lines)) <= columns


def test_the_list_says_which_way_the_numbers_are_off_and_that_a_rule_came_late(
    done: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    definition, analysis = done / "tiny" / "study.yaml", done / "tiny" / "analysis.py"
    definition.write_text(definition.read_text().replace("kind: paper", "kind: paper, rule-after-results: true"))
    told = '"predicted", found="It is 7 bytes.", direction="it is smaller")'
    analysis.write_text(analysis.read_text().replace('"predicted")]', f"{told}]"))
    capsys.readouterr()
    assert study("list", "--json", root=done) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["direction"], row["found"]) == ("it is smaller", "It is 7 bytes.")
    assert (row["verdict"], row["rule_after_results"]) == ("reproduced", True)
    monkeypatch.setenv("COLUMNS", "20")
    assert study("list", root=done) == 0
    assert "reproduced: it is smaller (post hoc), predicted" in " ".join(capsys.readouterr().out.split())


def test_long_answers_leave_room_for_what_is_claimed_within_100_columns() -> None:
    about = {"study": "memory_7b_12gb", "claim": "against-checkpointing", "text": TEXT}
    answer = "not reproduced: the slope is steeper, the loss falls faster (post hoc)"
    row = _Row({**about, "basis": "losses measured on a CPU, bytes predicted"}, answer)
    output = io.StringIO()
    _print_rows([row], Console(file=output, width=100))
    lines = output.getvalue().splitlines()
    assert "Not shown" not in output.getvalue()
    assert LAST in output.getvalue()
    assert any("not reproduced:" in line and "losses" in line for line in lines)
    assert any("measured on" in line for line in lines)
    assert max(map(len, lines)) <= 100


def test_an_analysis_that_fails_is_listed_and_named(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (done / "tiny" / "analysis.py").write_text("def analyse(records, bounds):\n    return records[99]\n")
    capsys.readouterr()
    assert study("list", root=done) == 0
    shown = capsys.readouterr()
    assert "cannot be read" in shown.out
    assert "IndexError" in shown.err
    assert study("report", "tiny", root=done) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "IndexError" in line


def test_questions_of_our_own_have_a_table_of_their_own(done: Path) -> None:
    path = done / "tiny" / "study.yaml"
    path.write_text(path.read_text().replace("kind: paper", "kind: own"))
    answers = done / "tiny" / "answers.py"
    answers.write_text("def answered(holds):\n    return 'holds' if holds else 'does not hold'\n")
    assert study("report", "all", root=done) == 0
    page, readme = page_path(done).read_text(), (done / "tiny" / "README.md").read_text()
    assert "| **holds** |" in page.partition("## Our own questions")[2]
    assert "| question | verdict |" in readme
    assert "| claim | verdict |" not in readme


def test_a_study_without_a_ledger_was_not_run_yet(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study("list", root=root) == 0
    assert "not run yet" in capsys.readouterr().out
    assert study("report", "all", root=root) == 0
    assert "**not run yet**" in (root / "tiny" / "README.md").read_text()
    assert "**not run yet**" in page_path(root).read_text()


def test_a_study_with_a_run_of_its_own_is_given_its_ledger(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "tiny" / "run.py").write_text(
        "def run(context):\n"
        "    context.say(f'{context.ledger.name} {context.quick} {context.retry_failed} {context.stop.is_set()}')\n"
    )
    assert study("run", "tiny", "--retry-failed", root=root) == 1
    said = capsys.readouterr().err
    assert "ledger.jsonl False True False" in said
    assert "has left no ledger" in said
    assert "is complete" not in said


def test_a_study_that_runs_by_itself_hears_of_an_interrupt(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "tiny" / "run.py").write_text(
        "import os, signal\n\n\ndef run(context):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n    assert context.stop.wait(5)\n"
    )
    assert study("run", "tiny", root=root) == 130
    assert "the same command runs what is missing" in capsys.readouterr().err


@pytest.mark.parametrize("status", ["error", pytest.param("timeout", marks=pytest.mark.slow)])
def test_a_failed_cell_breaks_nothing_and_is_run_again_on_request(status: Status, root: Path, tiny: Study) -> None:
    from ladderscope.ledger import Ledger
    from ladderscope.records import Record

    (job,) = study_jobs(tiny, quick=True)
    with Ledger(tiny.ledger()) as ledger:
        ledger.append(Record(cell=job.cell, meter=job.meter, gpu=job.gpu, status=status, error="no luck"))
    assert study("list", root=root) == 0
    assert study("report", "all", root=root) == 0
    assert study("run", "tiny", "--jobs", "1", root=root) == 1
    assert "cannot tell" in (root / "tiny" / "README.md").read_text()
    assert study("run", "tiny", "--jobs", "1", "--retry-failed", root=root) == 0
    assert {record.status for record in read_ledger(tiny.ledger())} == {"ok"}


def test_wrong_use_ends_with_one_sentence(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert study("run", "tinny", root=root) == 2
    assert "did you mean 'tiny'" in capsys.readouterr().err
    definition = root / "tiny" / "study.yaml"
    definition.write_text(definition.read_text().partition("quick-grid")[0])
    assert study("run", "tiny", "--quick", root=root) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "has no quick-grid" in line
    assert find_study(root, "tiny").definition.quick_grid == ()
