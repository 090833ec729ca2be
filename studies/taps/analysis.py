"""Downsamplers and spacings of taps against Ladder's defaults, at equal memory and at equal width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.findings import Findings
from ladderscope.studies.variants.plots import differences_figure, memory_figure
from ladderscope.studies.variants.presets import defaults_table
from ladderscope.studies.variants.records import runs_of
from ladderscope.studies.variants.tables import difference_table, loss_table, memory_table
from ladderscope.studies.variants.verdicts import against_reference, lowest

from .plan import DOWNSAMPLERS, REFERENCE, SPACINGS, WHOLE
from .table6 import adapter_table, adapter_verdict

DOWNSAMPLING, SPACING, TABLE_6 = "principal-taps", "every-block", "adapter-taps"


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    runs = runs_of(WHOLE, records)
    families = downsampling, spacing = [runs.family(REFERENCE, some) for some in (DOWNSAMPLERS, SPACINGS)]
    verdicts = [
        lowest(DOWNSAMPLING, downsampling, "memory", bounds),
        lowest(SPACING, spacing, "memory", bounds),
        adapter_verdict(TABLE_6, runs, bounds),
    ]
    memory = [memory_table(runs, families, bounds)] if runs.predicted else []
    if not runs.trained:
        return Findings(verdicts, memory)
    by_memory = [against_reference(one, "memory", bounds) for one in families]
    tables = [
        loss_table(runs),
        *memory,
        difference_table("Downsamplers at equal width, compute and time", downsampling, bounds),
        difference_table("Spacings at equal width, compute and time", spacing, bounds),
        adapter_table(runs, bounds),
        defaults_table(runs, dict(zip(("downsample", "taps"), by_memory, strict=True))),
    ]
    both = {name: one for found in by_memory for name, one in found.items()}
    return Findings(verdicts, tables, [memory_figure(runs), differences_figure(runs, "memory", both)])
