"""Accuracies of side networks against QLoRA's, on the same items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, common_basis
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Findings, Verdict
from ladderscope.studies.intervals import MeanInterval

from .answers import BACKBONE, QLORA, TASK_NAMES, Contestant, Results
from .plan import SAME_DATA, SIDE_NETWORKS, WHOLE, cells_of
from .plots import accuracy_figure
from .tables import accuracy_table, cost_table, difference_table, loss_table, points

CLAIMED = {f"competitive-{side}": side for side in SIDE_NETWORKS}
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    wanted = {cell.cell_id for cell in cells_of(WHOLE)}
    ended = [one for one in records if one.cell.cell_id in wanted and one.status == "ok" and one.answers]
    known = _of_one_meter(ended)
    missing = len(wanted) - len({one.cell.cell_id for one in known})
    if missing:
        why = f"{missing} of {len(wanted)} cells have no result yet."
        return Findings([Verdict(claim, CANNOT_TELL, why, None) for claim in CLAIMED])
    results, basis = Results(known), common_basis(known)
    confidence = bounds["confidence"]
    gained = results.difference(QLORA, BACKBONE, TASK_NAMES, confidence)
    learned = list(results.learned(confidence))
    verdicts = [_verdict(claim, side, results, gained, learned, bounds, basis) for claim, side in CLAIMED.items()]
    tables = [
        accuracy_table(results, confidence, basis),
        difference_table(results, learned, confidence, basis),
        cost_table(results, basis),
        loss_table(results, basis),
    ]
    return Findings(verdicts, tables, [accuracy_figure(results, confidence, basis)])


def _of_one_meter(records: Sequence[Record]) -> list[Record]:
    """Those of the meter that has the most: answers of a CPU's run are not compared with those of a GPU's."""
    most = Counter(record.meter for record in records).most_common(1)
    return [record for record in records if record.meter == most[0][0]] if most else []


def _verdict(
    claim: str,
    side: str,
    results: Results,
    gained: MeanInterval,
    learned: Sequence[str],
    bounds: Mapping[str, float],
    basis: Basis,
) -> Verdict:
    confidence, who = bounds["equivalence-confidence"], Contestant(side, SAME_DATA)
    gap = results.difference(who, QLORA, TASK_NAMES, confidence)
    on_learned = results.difference(who, QLORA, learned, confidence) if learned else None
    answer = CANNOT_TELL if _low(gained) <= 0 else answer_of(gap, on_learned, bounds["margin"])
    why = (
        f"At equal data, {side}'s accuracy is {_with_interval(gap, confidence)} against QLoRA's, mean over "
        f"{len(TASK_NAMES)} tasks; the margin is {points(bounds['margin'])[1:]}."
    )
    if on_learned is not None:
        names = ", ".join(learned)
        why += f" On what QLoRA has learned something of ({names}) it is {_with_interval(on_learned, confidence)}."
    why += f" QLoRA itself is {_with_interval(gained, bounds['confidence'])} against the backbone as it is."
    return Verdict(claim, answer, why, basis)


def answer_of(gap: MeanInterval, on_learned: MeanInterval | None, margin: float) -> Answer:
    """Not inferior by the margin over all tasks and over those that could be learned, or inferior by it, or neither.

    Tasks that nobody learns pull a mean towards 0. That makes it easier to be within the margin and harder to be
    beyond, so that only the former is asked twice.
    """
    if gap.high is not None and gap.high < -margin:
        return NOT_REPRODUCED
    if on_learned is not None and _low(gap) > -margin and _low(on_learned) > -margin:
        return REPRODUCED
    return CANNOT_TELL


def _low(found: MeanInterval) -> float:
    assert found.low is not None  # a bootstrap always has ends
    return found.low


def _with_interval(found: MeanInterval, confidence: float) -> str:
    assert found.low is not None
    assert found.high is not None
    ends = f"{points(found.low)} to {points(found.high)}"
    return f"{points(found.mean)} points ({confidence:.0%} interval {ends})"
