from __future__ import annotations

import gc
import json
import math
from pathlib import Path

import pytest

from ladderscope.errors import LedgerError
from ladderscope.ledger.reading import read_content, read_ledger, read_ledgers
from ladderscope.records import Cell, Flops, Record


def record(seed: int, status: str = "ok", **fields: object) -> Record:
    cell = Cell(model="m", method="full", seed=seed)
    return Record(cell=cell, meter="cpu", status=status, **fields)  # type: ignore[arg-type]


def line(one: Record) -> str:
    return json.dumps(one.to_json(), separators=(",", ":")) + "\n"


def test_a_reader_counts_what_it_passes_over(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    whole = line(record(1, "error")) + "\n" + line(record(2)) + line(record(1))
    path.write_text(whole + line(record(3))[:50])

    content = read_content(path)

    assert [(one.cell.seed, one.status) for one in content.records.values()] == [(1, "ok"), (2, "ok")]
    assert (content.num_lines, content.num_superseded) == (3, 1)
    assert (content.whole_bytes, content.torn_bytes) == (len(whole), 50)


def test_line_numbers_of_errors_count_empty_lines_and_superseded_ones(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    values = record(2).to_json()
    values["cell"]["sead"] = 1
    path.write_text(line(record(1)) * 2 + "\n" + json.dumps(values) + "\n")

    with pytest.raises(LedgerError, match=r"cannot use line 4 of .*unknown cell field 'sead': did you mean 'seed'"):
        read_ledger(path)


@pytest.mark.parametrize(
    ("part", "value"), [("cell", 3), ("memory", "much"), ("forecast", []), ("forecast", {}), ("answers", [1])]
)
def test_a_part_that_is_none_is_named_with_its_line(part: str, value: object, tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    path.write_text(json.dumps({**record(1).to_json(), part: value}) + "\n")

    with pytest.raises(LedgerError, match=r"cannot use line 1 of .*it is not a complete record"):
        read_ledger(path)


def test_numbers_that_only_pythons_json_takes_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    huge = 2**64 + 1
    flops = Flops(per_step=huge, per_token=1.0, by_component={"head": huge})
    path.write_text(line(record(1, loss=[math.nan, math.inf])) + line(record(2, flops=flops)))

    diverged, large = read_ledger(path)

    assert str(diverged.loss) == "[nan, inf]"
    assert large.flops == flops


def test_of_several_ledgers_the_last_record_of_a_key_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text(line(record(1, "error")) + line(record(2)))
    second.write_text(line(record(1)))

    assert [(one.cell.seed, one.status) for one in read_ledgers([first, second])] == [(1, "ok"), (2, "ok")]


def test_the_garbage_collector_is_as_it_was_after_a_ledger_was_read_and_after_one_was_refused(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(line(record(1)))
    bad.write_text("{oops}\n")

    read_ledger(good)
    assert gc.isenabled()
    with pytest.raises(LedgerError):
        read_ledger(bad)
    assert gc.isenabled()
