"""How long 100,000 records take to read, filter, report, merge, count and export. Run from the repository root:

python -m studies.ledger_speed.run
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
from rich.console import Console

from ladderscope.cli.where import records_that_stay
from ladderscope.ledger import read_ledger
from ladderscope.ledger.export import export_records
from ladderscope.ledger.merging import merge_ledgers
from ladderscope.ledger.selection import select_records
from ladderscope.ledger.stats import stats_of
from ladderscope.records import Cell, Record
from ladderscope.report.folder import write_report
from ladderscope.report.terminal import print_records

TARGET_SECONDS = 5.0
WHERE = ("method=qlora,ladder", "seq-len=256:4096", "status=ok")
FEW = 400
"""Records of a report that shows all of them."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--ledgers", type=Path, nargs="*", default=sorted(Path("studies").glob("*/ledger.jsonl")))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "runs.jsonl"
        write_generated(path, options.ledgers, options.records)
        print(f"{options.records:,} records, {path.stat().st_size / 2**20:.0f} MiB; processor seconds (wall clock)")
        _measure(path, Path(folder))


def write_generated(path: Path, ledgers: list[Path], num_records: int) -> None:
    """Write the records of ``ledgers`` again and again, each time with seeds of its own."""
    found = [record.to_json() for ledger in ledgers for record in read_ledger(ledger)]
    with path.open("w") as file:
        for number, values in enumerate(islice(cycle(found), num_records)):
            cell = {**values["cell"], "seed": values["cell"]["seed"] + 1000 * (number // len(found))}
            again = {**values, "cell_id": Cell.from_json(cell).cell_id, "cell": cell}
            file.write(json.dumps(again, separators=(",", ":")) + "\n")


def _measure(path: Path, folder: Path) -> None:
    records: list[Record] = []
    with records_that_stay():  # as the commands read
        reading = _timed("read_ledger", lambda: records.extend(read_ledger(path)))
    print(f"    largest resident set so far: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
    plain = _timed("json.loads of every line alone", lambda: sum(1 for _ in _parsed(path)))
    in_pandas = _timed("pandas.read_json(lines=True)", lambda: len(pd.read_json(path, lines=True)))
    print(f"    {plain / reading:.2f} times json.loads' speed, {in_pandas / reading:.2f} times pandas'")
    choosing = _timed(f"--where {' '.join(WHERE)}", lambda: print("   ", select_records(records, WHERE)[1][-1]))
    table = _timed("table for a terminal", lambda: print_records(records, Console(file=io.StringIO(), width=120)))
    total = reading + choosing + table
    print(f"read, filtered, shown: {total:.2f} s, {total / TARGET_SECONDS:.2f} of the target of {TARGET_SECONDS:g} s")
    few = _timed(f"report of {FEW} records", lambda: write_report(records[:FEW], folder / "few"))
    many = _timed("report of all", lambda: write_report(records, folder / "all"))
    print(f"    {many / few:.2f} times that of {FEW}, page {(folder / 'all' / 'report.html').stat().st_size:,} bytes")
    _timed("ledger stats, without reading", lambda: stats_of(records, []))
    _timed("ledger export to Parquet", lambda: export_records(records, folder / "runs.parquet"))
    print(f"    {(folder / 'runs.parquet').stat().st_size / path.stat().st_size:.2f} of the ledger's bytes")
    _timed("ledger merge, with itself and a copy", lambda: _merged(path, folder))


def _parsed(path: Path) -> Iterator[object]:
    with path.open("rb") as file:
        for line in file:
            yield json.loads(line)


def _merged(path: Path, folder: Path) -> None:
    copy = folder / "copy.jsonl"
    copy.write_bytes(path.read_bytes())
    merge_ledgers([path, copy], folder / "merged.jsonl")


def _timed(what: str, call: Callable[[], object]) -> float:
    """Processor seconds of one call, printed beside its wall clock: other work on a machine makes that longer."""
    wall, processor = time.perf_counter(), time.process_time()
    call()
    taken = time.process_time() - processor
    print(f"{what:<60} {taken:7.2f} s ({time.perf_counter() - wall:.2f} s)", flush=True)
    return taken


if __name__ == "__main__":
    main()
