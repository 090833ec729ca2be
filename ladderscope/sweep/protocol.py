"""What passes between a sweep and the process that measures a cell.

The job goes in as one JSON line on standard input, which stays open: when it ends, the parent is gone and the worker
leaves. Messages come out as JSON lines: ``{"progress": 0.25}`` any number of times, then ``{"record": {...}}``, or
``{"failure": {"status": ..., "error": ..., "gpu": ...}}``. A worker then leaves after a measurement, and waits for
another job after a prediction.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Self

from ladderscope.records import PREDICT, Cell


@dataclass(frozen=True)
class Job:
    """One cell to measure, with the meter, the GPU that is measured (if any) and the number of CPU threads to use.

    Of a prediction: ``detailed`` asks for the details of its record, ``alloc_conf`` are settings of the allocator, by
    default those of the environment. Of a measurement on CUDA: ``history`` is the file that takes the history of the
    measured step.
    """

    cell: Cell
    meter: str
    gpu: str | None
    num_threads: int
    detailed: bool = False
    alloc_conf: str | None = None
    history: str | None = None

    @property
    def key(self) -> tuple[str, str, str | None]:
        """The key of the record that this job will give."""
        return (self.cell.cell_id, self.meter, self.gpu)

    @property
    def is_prediction(self) -> bool:
        """Whether the cell is predicted; ``gpu`` then names what it is predicted for."""
        return self.meter == PREDICT

    @property
    def num_ranks(self) -> int:
        """How many processes train at a time; a prediction is one process, however many ranks it is of."""
        return 1 if self.is_prediction else self.cell.num_gpus

    @property
    def num_gpus(self) -> int:
        """How many GPUs it takes of the machine that runs it."""
        return self.cell.num_gpus if self.meter == "cuda" else 0

    def to_line(self) -> str:
        """The job as one line of JSON."""
        return json.dumps(dataclasses.asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """The job that :meth:`to_line` wrote."""
        values = json.loads(line)
        return cls(**{**values, "cell": Cell.from_json(values["cell"])})
