"""Starts, gates and the gain against Ladder's defaults, at equal width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.findings import Findings
from ladderscope.studies.variants.plots import differences_figure
from ladderscope.studies.variants.presets import defaults_table
from ladderscope.studies.variants.records import runs_of
from ladderscope.studies.variants.tables import bytes_table, difference_table, loss_table, training_cost_table
from ladderscope.studies.variants.verdicts import (
    Comparisons,
    against_reference,
    equivalent,
    lowest,
    said_of_equivalence,
)

from .plan import GAINS, GATES, REFERENCE, STARTS, WHOLE

START, GATE, GAIN = "identity-start", "gate", "gain"


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    runs = runs_of(WHOLE, records)
    families = starts, gates, gains = [runs.family(REFERENCE, some) for some in (STARTS, GATES, GAINS)]
    verdicts = [
        lowest(START, starts, "width", bounds),
        equivalent(GATE, gates, bounds),
        lowest(GAIN, gains, "width", bounds),
    ]
    if not runs.trained:
        return Findings(verdicts)
    found = of_starts, _, of_gains = [against_reference(one, "width", bounds) for one in families]
    said: dict[str, Comparisons | str] = {
        "init": of_starts,
        "gate": said_of_equivalence(gates, bounds),
        "output_gain": of_gains,
    }
    tables = [
        loss_table(runs),
        *(
            difference_table(f"{what} at equal width", one, bounds, ("width",))
            for what, one in zip(("Starts", "Gates", "Gain"), families, strict=True)
        ),
        bytes_table(runs),
        training_cost_table(runs),
        defaults_table(runs, said),
    ]
    every = {name: one for some in found for name, one in some.items()}
    return Findings(verdicts, tables, [differences_figure(runs, "width", every)])
