"""Whose answers are whose, and what they differ by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladderscope.records import Answers, Record
from ladderscope.studies.intervals import MeanInterval, accuracy_difference, mean

from .plan import REFERENCE, SAME_DATA, SIDE_NETWORKS, TWICE, WHOLE, backbone_cell, cell_of

TASK_NAMES = WHOLE.tasks


@dataclass(frozen=True, slots=True)
class Contestant:
    """A method with its budget, in times of the steps at equal data; 0 is the backbone as it is."""

    method: str
    times: int

    @property
    def name(self) -> str:
        """For people."""
        if self.times == 0:
            return "backbone as it is"
        return self.method if self.times == SAME_DATA else f"{self.method}, {self.times}x steps, one seed"


BACKBONE, QLORA = Contestant(REFERENCE, 0), Contestant(REFERENCE, SAME_DATA)
SIDES = [Contestant(side, times) for times in (SAME_DATA, TWICE) for side in SIDE_NETWORKS]
_PAIR = BACKBONE, QLORA
ALL = [BACKBONE, QLORA, *SIDES]


class Results:
    """The records of the plan that are there."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._by_cell = {record.cell.cell_id: record for record in records}

    def by_seed(self, task: str, who: Contestant) -> dict[int, Record]:
        """A record for each seed that has one; the backbone's one stands for all."""
        cells = {
            seed: backbone_cell(task) if who.times == 0 else cell_of(task, who.method, who.times, seed)
            for seed in WHOLE.seeds
        }
        return {seed: self._by_cell[cell.cell_id] for seed, cell in cells.items() if cell.cell_id in self._by_cell}

    def runs(self, task: str, who: Contestant) -> list[Record]:
        """Each once, in the order of their seeds."""
        found = list(self.by_seed(task, who).values())
        return found[:1] if who.times == 0 else found

    def answers(self, task: str, who: Contestant) -> list[Answers]:
        """Those of each run."""
        return [record.answers[task] for record in self.runs(task, who)]

    def loss_fell(self, task: str) -> bool:
        """Whether QLoRA's held-out loss, mean over its runs, is below that of the backbone as it is."""
        before, after = ([run.eval_loss.after for run in self.runs(task, who) if run.eval_loss] for who in _PAIR)
        return bool(before and after) and mean(after) < mean(before)

    def difference(
        self, first: Contestant, second: Contestant, tasks: Sequence[str], confidence: float
    ) -> MeanInterval | None:
        """Mean over tasks of the first's accuracy minus the second's, over the seeds that both have in all of them.

        None where there is no such seed, or no task.
        """
        runs = {(task, who): self.by_seed(task, who) for task in tasks for who in (first, second)}
        seeds = [seed for seed in WHOLE.seeds if all(seed in of_seed for of_seed in runs.values())]
        if not tasks or not seeds:
            return None
        mine, theirs = (
            {task: [runs[task, who][seed].answers[task] for seed in seeds] for task in tasks}
            for who in (first, second)
        )
        return accuracy_difference(mine, theirs, confidence)

    def learned(self, confidence: float) -> Mapping[str, MeanInterval]:
        """Task -> QLoRA's accuracy minus the backbone's, where its interval is above 0: where there was to learn."""
        found = {task: self.difference(QLORA, BACKBONE, [task], confidence) for task in TASK_NAMES}
        return {task: gap for task, gap in found.items() if gap and gap.low is not None and gap.low > 0}
