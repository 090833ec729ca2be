"""What the ledger says about Ladder's memory: verdicts, tables, a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.findings import Findings
from ladderscope.studies.folder import Wanted

from .fitting import searched, undecided
from .on_cpu import seconds_table
from .plots import length_figure
from .tables import tables_of
from .variants import peaks_of
from .verdicts import verdicts_of


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds."""
    peaks = peaks_of(records)
    return Findings(verdicts_of(peaks, bounds), [*tables_of(peaks), seconds_table(records)], [length_figure(peaks)])


def further(records: Sequence[Record]) -> list[Wanted]:
    """Cells that only a single card can tell about, and the next rows of the searches."""
    peaks = peaks_of(records)
    return [*undecided(peaks), *searched(peaks)]
