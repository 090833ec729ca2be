"""Starts, gates and the gain against Ladder's defaults, at equal width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.findings import Findings
from ladderscope.studies.trained.variant_plots import differences_figure
from ladderscope.studies.trained.variant_runs import runs_of
from ladderscope.studies.trained.variant_tables import bytes_table, defaults_table, difference_table, loss_table
from ladderscope.studies.trained.variant_verdicts import against_reference, equivalent, lowest

from .plan import GAINS, GATES, STARTS, WHOLE

START, GATE, GAIN = "identity-start", "gate", "gain"


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    runs = runs_of(WHOLE, records)
    starts, gates, gains = (runs.only(one.name for one in some) for some in (STARTS, GATES, GAINS))
    verdicts = [
        lowest(START, starts, "width", bounds),
        equivalent(GATE, gates, bounds),
        lowest(GAIN, gains, "width", bounds),
    ]
    if not runs.trained:
        return Findings(verdicts)
    said = {
        field: against_reference(one, "width", bounds)
        for field, one in (("init", starts), ("gate", gates), ("output_gain", gains))
    }
    tables = [
        loss_table(runs),
        *(
            difference_table(f"{what} at equal width, compute and time", one, bounds)
            for what, one in (("Starts", starts), ("Gates", gates), ("Gain", gains))
        ),
        bytes_table(runs),
        defaults_table(runs, said),
    ]
    every = {name: interval for found in said.values() for name, interval in found.items()}
    return Findings(verdicts, tables, [differences_figure(runs, "width", every, bounds)])
