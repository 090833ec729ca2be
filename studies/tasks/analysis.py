"""Accuracies of side networks against QLoRA's, on the same items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, basis_of, common_basis, in_words
from ladderscope.studies.complete import missing_sentence, of_one_meter
from ladderscope.studies.findings import CANNOT_TELL, Findings, Table, Verdict

from .answers import Results
from .mixed import mixed_items
from .plan import SIDE_NETWORKS, WHOLE, cells_of
from .plots import accuracy_figure
from .tables import accuracy_table, cost_table, difference_table, loss_table
from .verdicts import Qlora, verdict_on

CLAIMED = {f"competitive-{side}": side for side in SIDE_NETWORKS}


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    wanted = {cell.cell_id for cell in cells_of(WHOLE)}
    ended = [one for one in records if one.cell.cell_id in wanted and one.status == "ok" and one.answers]
    known = of_one_meter(ended)
    mixed = mixed_items(known)
    if mixed:
        return _without_answer(mixed)
    results, basis, confidence = Results(known), common_basis(known), bounds["confidence"]
    learned = list(results.learned(confidence))
    missing = missing_sentence(len({one.cell.cell_id for one in known}), len(wanted))
    tables = _tables(results, learned, confidence, basis) if known else []
    if missing:
        return _without_answer(missing, tables)
    qlora = Qlora.of(results, learned, confidence)
    decided = in_words(map(basis_of, known))
    verdicts = [verdict_on(claim, side, results, qlora, bounds, decided) for claim, side in CLAIMED.items()]
    return Findings(verdicts, tables, [accuracy_figure(results, confidence, basis)])


def _without_answer(why: str, tables: Sequence[Table] = ()) -> Findings:
    return Findings([Verdict(claim, CANNOT_TELL, why, None) for claim in CLAIMED], tables)


def _tables(results: Results, learned: Sequence[str], confidence: float, basis: Basis) -> list[Table]:
    return [
        accuracy_table(results, confidence, basis),
        difference_table(results, learned, confidence, basis),
        cost_table(results, basis),
        loss_table(results, basis),
    ]
