"""A worker: reads cells, answers with records."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable

from ladderscope.memory.meters import resolve_meter
from ladderscope.records import Cell, Record


def serve(measure: Callable[[Cell], Record]) -> None:
    """Measure a cell for every line of standard input, to its end; a cell that fails becomes a record that says so."""
    answers, sys.stdout = sys.stdout, sys.stderr  # a library that prints must not break the lines
    for line in sys.stdin:
        cell = Cell.from_json(json.loads(line))
        try:
            record = measure(cell)
        except Exception as error:  # the run goes on with the other cells
            meter = resolve_meter("auto")
            traceback.print_exc()
            reason = f"{type(error).__name__}: {error}"
            record = Record(cell=cell, meter=meter.name, gpu=meter.hardware(), status="error", error=reason)
        print(json.dumps(record.to_json()), file=answers, flush=True)
