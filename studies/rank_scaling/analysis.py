"""Loss against rank and against the width of side networks, at a fixed backbone and a fixed budget of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import basis_of, common_basis, in_words
from ladderscope.studies.complete import missing_sentence, of_one_meter
from ladderscope.studies.findings import CANNOT_TELL, Findings, Verdict

from .plan import BACKBONES, WHOLE, cells_of
from .plots import compute_figure, parameters_figure
from .tables import equal_table, frontier_table, size_table, trend_table
from .verdicts import CLAIMS, at_equal_parameters, rank_free, scales


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    wanted = {cell.cell_id for cell in cells_of(WHOLE)}
    known = of_one_meter([one for one in records if one.cell.cell_id in wanted and _is_whole(one)])
    why = missing_sentence(len({one.cell.cell_id for one in known}), len(wanted))
    if why:
        tables = [size_table(known, backbone) for backbone in BACKBONES] if known else []
        return Findings([Verdict(name, CANNOT_TELL, why, None) for name in CLAIMS], tables)
    confidence, basis = bounds["confidence"], common_basis(known)
    decided = in_words(map(basis_of, known))
    verdicts = [rule(known, bounds, decided) for rule in (scales, rank_free, at_equal_parameters)]
    tables = [
        trend_table(known, confidence, basis),
        equal_table(known, confidence, basis),
        *(frontier_table(known, axis, basis) for axis in ("compute", "time")),
        *(size_table(known, backbone) for backbone in BACKBONES),
    ]
    return Findings(verdicts, tables, [parameters_figure(known, basis), compute_figure(known, basis)])


def _is_whole(record: Record) -> bool:
    has_all = record.eval_loss and record.params and record.flops and record.step_seconds
    return record.status == "ok" and bool(has_all)
