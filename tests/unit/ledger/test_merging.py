from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.errors import LedgerError
from ladderscope.ledger import Ledger, read_ledger, read_ledgers
from ladderscope.ledger.merging import merge_ledgers
from ladderscope.records import Record

MakeRecord = Callable[..., Record]
WriteLedger = Callable[..., Path]


def found(path: Path) -> list[tuple[int, str]]:
    return [(one.cell.seed, one.status) for one in read_ledger(path)]


def test_the_record_that_finished_last_counts_whatever_the_order(make_record: MakeRecord, write: WriteLedger) -> None:
    old = write("old.jsonl", make_record(1, "10:00:00", status="error"), make_record(2, "10:01:00"))
    new = write("new.jsonl", make_record(3, "11:00:00"), make_record(1, "11:01:00"))

    for paths, seeds in (([old, new], [1, 2, 3]), ([new, old], [3, 1, 2])):
        out = old.with_name(f"{paths[0].name}-merged.jsonl")
        merged = merge_ledgers(paths, out)
        assert found(out) == [(seed, "ok") for seed in seeds]
        assert (merged.num_records, merged.num_shared, merged.num_conflicts) == (3, 1, 1)


def test_an_old_crash_without_a_time_never_replaces_a_result(make_record: MakeRecord, write: WriteLedger) -> None:
    good = write("good.jsonl", make_record(1, "10:00:00"), make_record(2))
    crashed = write("old_crash.jsonl", make_record(1, status="error"), make_record(2, status="oom"))

    merge_ledgers([good, crashed], good)

    assert found(good) == [(1, "ok"), (2, "ok")]
    assert found(merged_anew(crashed, good)) == [(1, "ok"), (2, "ok")]


def merged_anew(*paths: Path) -> Path:
    out = paths[0].with_name("anew.jsonl")
    merge_ledgers(paths, out)
    return out


def test_a_failure_on_a_gpu_that_nobody_knows_goes_where_a_later_record_knows_it(
    make_record: MakeRecord, write: WriteLedger
) -> None:
    lost = write("lost.jsonl", make_record(1, "10:00:00", meter="cuda", status="timeout"))
    again = write("again.jsonl", make_record(1, "11:00:00", meter="cuda", gpu="NVIDIA A100"), make_record(2))
    out = lost.with_name("out.jsonl")

    merged = merge_ledgers([lost, again], out)

    assert found(out) == [(1, "ok"), (2, "ok")]
    assert (merged.num_records, merged.num_superseded) == (2, 1)
    assert not merge_ledgers([lost, again], out).is_changed


@pytest.mark.parametrize("order", [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"]])
def test_a_merged_ledger_reads_as_the_ledgers_do_together(
    order: list[str], make_record: MakeRecord, write: WriteLedger
) -> None:
    def lost(time: str) -> Record:
        return make_record(4, time, meter="cuda", status="error")

    def on_gpu(time: str) -> Record:
        return make_record(4, time, meter="cuda", gpu="NVIDIA A100")

    paths = {
        "a": write("a.jsonl", make_record(1, "12:00:00"), make_record(2, "10:00:00", status="oom")),
        "b": write("b.jsonl", make_record(1, status="error"), make_record(3), lost("10:30:00"), on_gpu("09:00:00")),
        "c": write("c.jsonl", make_record(1, "11:00:00", status="timeout"), lost("08:00:00"), on_gpu("09:30:00")),
    }
    named = [paths[name] for name in order]
    out = named[0].with_name("out.jsonl")

    merge_ledgers(named, out)

    assert read_ledger(out) == read_ledgers(named)
    assert {one.cell.seed: one.status for one in read_ledger(out)}[1] == "ok"


def test_lines_are_kept_byte_for_byte_and_superseded_ones_left_out(
    make_record: MakeRecord, write: WriteLedger
) -> None:
    path = write("a.jsonl", make_record(1, status="error"), make_record(2), make_record(1))
    lines = path.read_bytes().splitlines(keepends=True)
    out = path.with_name("out.jsonl")

    merged = merge_ledgers([path], out)

    assert out.read_bytes() == lines[2] + lines[1]
    assert merged.num_superseded == 1


def test_merging_again_changes_nothing_not_even_the_file(make_record: MakeRecord, write: WriteLedger) -> None:
    a = write("a.jsonl", make_record(1, "12:00:00"), make_record(2))
    b = write("b.jsonl", make_record(1), make_record(3, "09:00:00"))
    out = a.with_name("out.jsonl")
    assert merge_ledgers([a, b], out).is_changed
    before = (out.read_bytes(), out.stat().st_ino)

    again = merge_ledgers([a, b], out)

    assert (out.read_bytes(), out.stat().st_ino) == before
    assert again.with_old
    assert not again.is_changed


def test_the_output_may_be_one_of_the_inputs(make_record: MakeRecord, write: WriteLedger) -> None:
    a, b = write("a.jsonl", make_record(1)), write("b.jsonl", make_record(2))
    (a.parent / "link").symlink_to(a)

    merged = merge_ledgers([b, a, a.parent / "link"], a)

    assert found(a) == [(2, "ok"), (1, "ok")]
    assert (merged.with_old, merged.num_shared) == (False, 0)


def test_what_the_output_held_before_is_never_lost(make_record: MakeRecord, write: WriteLedger) -> None:
    a, out = write("a.jsonl", make_record(1)), write("out.jsonl", make_record(9))

    merge_ledgers([a], out)

    assert found(out) == [(9, "ok"), (1, "ok")]


def test_an_output_that_a_run_is_writing_is_refused_and_left_alone(
    make_record: MakeRecord, write: WriteLedger
) -> None:
    a, out = write("a.jsonl", make_record(1)), write("out.jsonl", make_record(2))
    with Ledger(out) as ledger:
        ledger.append(make_record(3))
        with pytest.raises(LedgerError, match="another run is writing to"):
            merge_ledgers([a], out)

    assert found(out) == [(2, "ok"), (3, "ok")]
    assert merge_ledgers([a], out).num_records == 3


def test_an_input_that_a_run_is_writing_gives_its_whole_lines(make_record: MakeRecord, write: WriteLedger) -> None:
    path = write("a.jsonl", tail='{"schema_version":1,"cell')
    out = path.with_name("out.jsonl")
    b = write("b.jsonl", make_record(2))

    merged = merge_ledgers([path, b], out)

    assert merged.torn == [path]
    assert found(out) == [(2, "ok")]
    with Ledger(b) as ledger:
        ledger.append(make_record(3))
        merge_ledgers([b], out)
    assert found(out) == [(2, "ok"), (3, "ok")]


@pytest.mark.parametrize("content", ["hello\n", "[1]\n"])
def test_an_output_that_is_no_ledger_is_refused_and_left_alone(
    content: str, make_record: MakeRecord, write: WriteLedger
) -> None:
    a = write("a.jsonl", make_record(1))
    out = write("notes.txt", tail=content)

    with pytest.raises(LedgerError, match="is not a ledger"):
        merge_ledgers([a], out)

    assert out.read_text() == content


def test_a_ledger_that_is_not_there_is_named_and_nothing_is_made(make_record: MakeRecord, write: WriteLedger) -> None:
    a = write("a.jsonl", make_record(1))

    with pytest.raises(LedgerError, match=r"cannot read the ledger .*absent\.jsonl"):
        merge_ledgers([a, a.with_name("absent.jsonl")], a.parent / "deep" / "out.jsonl")

    assert list(a.parent.iterdir()) == [a]


def test_ledgers_without_records_write_nothing(write: WriteLedger) -> None:
    empty = write("empty.jsonl")

    with pytest.raises(LedgerError, match="no record to merge"):
        merge_ledgers([empty], empty.with_name("out.jsonl"))

    assert not empty.with_name("out.jsonl").exists()


KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from ladderscope.ledger.merging import merge_ledgers
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)  # all is written, and not yet in its place
merge_ledgers([Path(sys.argv[1])], Path(sys.argv[2]))
"""


def test_a_merge_that_is_killed_leaves_the_old_ledger_whole_and_free(
    make_record: MakeRecord, write: WriteLedger
) -> None:
    a, out = write("a.jsonl", make_record(1)), write("out.jsonl", make_record(2))
    before = out.read_bytes()

    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(a), str(out)], env=os.environ, check=False)

    assert done.returncode == -signal.SIGKILL
    assert out.read_bytes() == before
    assert merge_ledgers([a], out).num_records == 2
