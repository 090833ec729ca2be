"""Downsamplers and spacings of taps against Ladder's defaults, at equal memory and at equal width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.findings import Findings
from ladderscope.studies.trained.variant_plots import differences_figure, memory_figure
from ladderscope.studies.trained.variant_runs import runs_of
from ladderscope.studies.trained.variant_tables import defaults_table, difference_table, loss_table, memory_table
from ladderscope.studies.trained.variant_verdicts import against_reference, lowest

from .plan import AT, DOWNSAMPLERS, SPACINGS, WHOLE
from .table6 import adapter_table, adapter_verdict

DOWNSAMPLING, SPACING, TABLE_6 = "principal-taps", "every-block", "adapter-taps"


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    runs = runs_of(WHOLE, records)
    downsampling, spacing = (runs.only(one.name for one in some) for some in (DOWNSAMPLERS, SPACINGS))
    verdicts = [
        lowest(DOWNSAMPLING, downsampling, "memory", bounds),
        lowest(SPACING, spacing, "memory", bounds),
        adapter_verdict(TABLE_6, runs, bounds),
    ]
    if not runs.trained:
        return Findings(verdicts)
    families = (downsampling, spacing)
    by_memory = [against_reference(one, "memory", bounds) for one in families]
    said = {"downsample": by_memory[0], "basis": {"random": by_memory[0]["random"]}, "taps": by_memory[1]}
    tables = [
        loss_table(runs),
        memory_table(runs, families, bounds, AT),
        difference_table("Downsamplers at equal width, compute and time", downsampling, bounds),
        difference_table("Spacings at equal width, compute and time", spacing, bounds),
        adapter_table(runs, bounds),
        defaults_table(runs, said),
    ]
    both = {**by_memory[0], **by_memory[1]}
    return Findings(verdicts, tables, [memory_figure(runs), differences_figure(runs, "memory", both, bounds)])
