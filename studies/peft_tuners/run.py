"""Predicts the memory of every tuner of PEFT on one model, and prints Markdown. Run from the repository root:

python -m studies.peft_tuners.run
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from studies.peft_tuners.adapters import mixture
from studies.peft_tuners.tuners import NEEDS_ADAPTERS, missing_package, rows, settings, unknown

MODEL, GPU = "random:llama-3.2-3b", "l40s-48gb"
BATCH_SIZE, SEQ_LEN = 4, 768
FITS_GIB = 24
SLOW_FIRST = ("adamss", "boft", "frod", "shira", "xlora")
"""So that no process is left alone with one of them at the end."""


class Row(NamedTuple):
    """What is printed of a tuner; ``error`` where there is no prediction."""

    tuner: str
    trainable: int
    allocated_bytes: int
    reserved_bytes: int
    error: str | None
    seconds: float
    cpu_seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[], help="tuners to predict")
    parser.add_argument("--times", action="store_true", help="also the seconds of a CPU core that each took")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    tuners = sorted(options.only or rows(), key=lambda name: (name not in SLOW_FIRST, name))
    start = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        found = []
        for row in pool.imap_unordered(_predict, [(tuner, options.model) for tuner in tuners]):
            found.append(row)
            print(
                f"{len(found)} of {len(tuners)}: {row.tuner} {row.seconds:.0f} s, {row.cpu_seconds:.0f} of a CPU core",
                file=sys.stderr,
                flush=True,
            )
    print(table(found, options.times))
    spent = sum(row.cpu_seconds for row in found)
    print(f"\n{len(found)} tuners in {time.perf_counter() - start:.0f} s, {spent:.0f} s of a CPU core, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes")) + ".")
    for tuner in unknown():
        print(f"- `{tuner}`: this study does not know it: add it to studies/peft_tuners/tuners.py.")


def _predict(job: tuple[str, str]) -> Row:
    return predict_row(*job)


def predict_row(tuner: str, model: str) -> Row:
    """One tuner with its defaults, in this process."""
    from ladderscope.predict import predict_cell
    from ladderscope.records import Cell

    warnings.simplefilter("ignore")
    start, cpu_start = time.perf_counter(), time.process_time()

    def row(trainable: int = 0, allocated: int = 0, reserved: int = 0, error: str | None = None) -> Row:
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
        return Row(tuner, trainable, allocated, reserved, error, seconds, cpu_seconds)

    with tempfile.TemporaryDirectory() as folder:
        cell = Cell(
            model=model,
            method=f"peft:{tuner}",
            settings=settings(tuner, **(mixture(model, Path(folder)) if tuner in NEEDS_ADAPTERS else {})),
            quantization="none",
            batch_size=BATCH_SIZE,
            seq_len=SEQ_LEN,
            data="random",
        )
        try:
            record = predict_cell(cell, GPU).record
        except Exception as error:
            return row(error=missing_package(tuner) or str(error).splitlines()[0])
    assert record.memory is not None
    assert record.params is not None
    return row(record.params.trainable, record.memory.peak_allocated_bytes, record.memory.peak_reserved_bytes or 0)


def table(found: list[Row], times: bool = False) -> str:
    """Markdown, least reserved memory first; what could not be predicted comes last, with the reason."""
    from ladderscope.memory.predict.gpus import CONTEXT_BYTES
    from ladderscope.units import GIB

    head = f"| tuner | trainable parameters | peak allocated, GiB | peak reserved, GiB | fits {FITS_GIB} GiB? |"
    lines = [head + (" CPU seconds |" if times else ""), "|---|---:|---:|---:|---|" + ("---:|" if times else "")]
    for row in sorted(found, key=lambda row: (row.error is not None, row.reserved_bytes, row.tuner)):
        fits = "yes" if row.reserved_bytes + CONTEXT_BYTES <= FITS_GIB * GIB else "no"
        numbers = f"{row.trainable:,} | {row.allocated_bytes / GIB:.2f} | {row.reserved_bytes / GIB:.2f} | {fits}"
        line = f"| {row.tuner} | {numbers if row.error is None else f'| | | not predicted: {row.error}'} |"
        lines.append(line + (f" {row.cpu_seconds:.0f} |" if times else ""))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
