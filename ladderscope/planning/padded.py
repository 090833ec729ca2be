"""Batches that are padded to their longest row: what the longest takes, how likely it is, and where to cut rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ladderscope.memory.predict.gpus import Gpu
from ladderscope.planning.forecasts import Fit, Forecasts
from ladderscope.planning.lengths import Lengths
from ladderscope.planning.plan import Largest
from ladderscope.planning.search import largest_that_fits
from ladderscope.planning.stages import Begin, Stage, in_stages
from ladderscope.records import Cell

SHORTEST = 2
"""Rows of one token have nothing to predict: they are taken as this long."""
_SHARES_OF_LIMIT = (1.0, 0.95, 0.9, 0.8, 0.65, 0.5)


@dataclass(frozen=True)
class Run:
    """A training run on rows drawn at random.

    Attributes:
        lengths: that are drawn from, with replacement.
        rows: per micro-batch, which is padded to the longest of them.
        micro_batches: per optimizer step.
        steps: of the run.
    """

    lengths: Lengths
    rows: int
    micro_batches: int
    steps: int

    @property
    def median(self) -> int:
        """Tokens that every second batch is padded to at most."""
        return self.padded(0.5)

    def padded(self, chance: float) -> int:
        """The least length that a batch is padded to at most, with a chance of at least ``chance``."""
        return self.lengths.quantile(chance, self.rows)

    @property
    def expected_longest(self) -> float:
        """Tokens that the longest batch of the run is padded to, on average over many runs."""
        return self.lengths.expected_longest(self.rows * self.micro_batches * self.steps)

    def chance_in_step(self, length: int) -> float:
        """The chance that a batch of a step is padded to more than ``length`` tokens."""
        return self.lengths.chance_of_longer(length, self.rows * self.micro_batches)

    def chance_in_run(self, length: int) -> float:
        """The chance that any batch of the run is."""
        return self.lengths.chance_of_longer(length, self.rows * self.micro_batches * self.steps)


@dataclass(frozen=True)
class Varied:
    """Steps whose batches get longer and then shorter: tokens per row of each step, and what they take."""

    lengths: tuple[int, ...]
    fit: Fit


@dataclass
class PaddedPlan:
    """What is known of a method on a GPU; what is None was not reached.

    Attributes:
        cell: the longest possible batch.
        gpu: the GPU.
        run: that is planned.
        longest: prediction of the longest possible batch, alone.
        median: of one that is padded to the median.
        limit: the longest batch that fits; rows that are not in the data count too.
        varied: a few steps in a varied order, the longest at the limit; None too where nothing fits.
        safe: the longest rows that fit in a varied order too, as far as was looked for; 0 where none do.
    """

    cell: Cell
    gpu: Gpu
    run: Run
    longest: Fit | None = None
    median: Fit | None = None
    limit: Largest | None = None
    varied: Varied | None = None
    safe: int | None = None


def make_padded_plans(
    cells: Sequence[Cell],
    gpus: Sequence[Gpu],
    lengths: Lengths,
    steps: int,
    forecasts: Forecasts,
    begin: Begin = lambda number, total, what: None,
) -> Iterator[list[PaddedPlan]]:
    """Plan every cell on every GPU.

    Args:
        cells: one per method; the batch size is theirs, and ``seq_len`` is set here.
        gpus: the GPUs.
        lengths: of the rows.
        steps: optimizer steps of the run.
        forecasts: makes the predictions.
        begin: is told of each part of the work.

    Returns:
        All plans, the same list at first and after every piece that has become known.
    """
    plans = [_new_plan(cell, gpu, lengths, steps) for gpu in gpus for cell in cells]
    return in_stages(plans, _STAGES, forecasts, begin)


def _new_plan(cell: Cell, gpu: Gpu, lengths: Lengths, steps: int) -> PaddedPlan:
    run = Run(lengths, cell.batch_size, cell.gradient_accumulation, steps)
    return PaddedPlan(_at(cell, lengths.longest), gpu, run)


def _at(cell: Cell, tokens: int) -> Cell:
    return dataclasses.replace(cell, seq_len=max(SHORTEST, tokens))


def ask_longest(plan: PaddedPlan, forecasts: Forecasts) -> None:
    """Predict the longest possible batch."""
    plan.longest = forecasts.of(plan.cell, plan.gpu)


def ask_median(plan: PaddedPlan, forecasts: Forecasts) -> None:
    """Predict a batch of the median padded length."""
    plan.median = forecasts.of(_at(plan.cell, plan.run.median), plan.gpu)


def search_limit(plan: PaddedPlan, forecasts: Forecasts) -> None:
    """Find the longest batch that fits."""

    def fit_at(tokens: int) -> Fit:
        return forecasts.of(_at(plan.cell, tokens), plan.gpu)

    assert plan.longest is not None
    assert plan.median is not None
    most = plan.run.lengths.longest
    known = {plan.run.median: plan.median, most: plan.longest}
    limit = largest_that_fits(fit_at, most, known, hint=(most, plan.longest))
    plan.limit = Largest(
        value=limit,
        next_value=None if limit == most else limit + 1,
        step=1,
        fit=fit_at(limit) if limit else None,
        next_fit=None if limit == most else fit_at(limit + 1),
    )


def vary_order(plan: PaddedPlan, forecasts: Forecasts) -> None:
    """Predict steps that get longer and then shorter, up to the limit; where that runs out, up to less."""
    assert plan.limit is not None
    plan.safe = 0
    for share in _SHARES_OF_LIMIT if plan.limit.value else ():
        top = max(1, int(plan.limit.value * share))
        lengths = _up_and_down(plan.run, top)
        fit = forecasts.of_steps(_at(plan.cell, top), plan.gpu, lengths)
        plan.varied = plan.varied or Varied(lengths, fit)
        if fit.fits:
            plan.safe = top
            return


def _up_and_down(run: Run, top: int) -> tuple[int, ...]:
    """Six lengths that are likely, as far apart as rows of at most ``top`` tokens allow; the third is ``top``."""
    shortest = max(SHORTEST, min(run.lengths.shortest, top))

    def likely(chance: float, share: float) -> int:
        return max(shortest, min(run.padded(chance), int(share * top)))

    low, middle, high = likely(0.1, 5 / 8), likely(0.5, 3 / 4), likely(0.9, 7 / 8)
    return (low, middle, max(SHORTEST, top), high, middle, low)


_STAGES: tuple[Stage[PaddedPlan], ...] = (
    (ask_longest, "longest batch"),
    (ask_median, "median batch"),
    (search_limit, "limit"),
    (vary_order, "varied order"),
)
