"""Loss against compute: exponents, multipliers, crossings, and methods at equal data, compute and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.studies.bases import basis_of, common_basis, in_words
from ladderscope.studies.complete import missing_sentence, of_one_meter
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Findings, Verdict
from ladderscope.studies.intervals import mean_interval
from ladderscope.studies.texts import interval_text, percent
from ladderscope.studies.trained.spent import is_calibrated

from .equal import by_size, gaps_at_equal
from .family import REFERENCE, WHOLE, cells_of
from .fitting import BACKBONE, RUN, comparison_of, fits_of
from .plots import curves_figure, slopes_figure
from .sentences import (
    direction_of,
    loss_sentence,
    margin_sentence,
    units_sentence,
    whole_within_sentence,
    within_sentence,
)
from .slope_tables import other_slopes_table, slope_table, within_table
from .tables import data_table, equal_compute_table, equal_table, multiplier_table
from .within import flops_of_steps, within_backbones

if TYPE_CHECKING:
    from ladderscope.scaling import ScalingFit
    from ladderscope.scaling.results.comparison import SlopeComparison
    from ladderscope.scaling.results.comparison import Verdict as Agreement

CLAIMED = {"slope-ladder": "ladder", "slope-xladder": "xladder", "slope-lst": "lst"}
EQUAL_COMPUTE = "equal-compute"
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
BY_AGREEMENT: dict[Agreement, Answer] = {
    "equivalent": REPRODUCED,
    "different": NOT_REPRODUCED,
    "inconclusive": CANNOT_TELL,
}


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    wanted = {cell.cell_id for cell in cells_of(WHOLE)}
    ended = [one for one in records if one.cell.cell_id in wanted and one.status == "ok" and one.eval_loss]
    known = of_one_meter(ended)
    why = missing_sentence(len({one.cell.cell_id for one in known}), len(wanted))
    if why:
        return Findings([Verdict(name, CANNOT_TELL, why, None) for name in (*CLAIMED, EQUAL_COMPUTE)])
    confidence, margin, basis = bounds["confidence"], bounds["margin"], common_basis(known)
    fits, within = fits_of(known, confidence, margin), within_backbones(known, confidence, margin)
    calibrated = sorted({one.cell.method for one in known if is_calibrated(one.cell)})
    uncalibrated = within_backbones(known, confidence, margin, methods=calibrated, spent=flops_of_steps)
    decided = in_words(map(basis_of, known))
    gaps = {method: gaps_at_equal(known, method, REFERENCE, "compute") for method in CLAIMED.values()}
    verdicts = [
        _slope(name, fits, within.against[method], by_size(gaps[method]), confidence, decided)
        for name, method in CLAIMED.items()
    ]
    verdicts.append(equal_compute(gaps["ladder"], bounds, decided))
    tables = [
        slope_table(fits, margin, basis),
        within_table(within, uncalibrated, margin, basis),
        other_slopes_table(fits, basis),
        multiplier_table(fits[RUN], basis),
        equal_table(known, confidence),
        equal_compute_table(known),
        data_table(known),
    ]
    return Findings(verdicts, tables, [curves_figure(known, fits[RUN]), slopes_figure(fits, within, margin, basis)])


def _slope(
    claim: str,
    fits: dict[str, ScalingFit],
    within: SlopeComparison,
    gaps: Sequence[float],
    confidence: float,
    basis: str,
) -> Verdict:
    """The verdict on a method's slope; ``gaps``: its log loss over QLoRA's at equal compute."""
    method = CLAIMED[claim]
    by_run, by_backbone = (comparison_of(fits[unit], method) for unit in (RUN, BACKBONE))
    answer: Answer = BY_AGREEMENT[by_run.verdict] if by_run.verdict == by_backbone.verdict else CANNOT_TELL
    direction = direction_of(by_run) if answer == NOT_REPRODUCED else ""
    said = units_sentence(method, by_run, by_backbone, confidence)
    differs = answer not in (CANNOT_TELL, BY_AGREEMENT[within.verdict])
    why = [
        f"With runs as the unit, {by_run.reason}. With backbones as the unit, {by_backbone.reason}.",
        loss_sentence(method, gaps, confidence),
        margin_sentence(answer, (by_run, by_backbone)),
        whole_within_sentence(within, differs=differs),
    ]
    return Verdict(
        claim, answer, " ".join(filter(None, why)), basis, f"{said} {within_sentence(within)}".strip(), direction
    )


def equal_compute(gaps: Mapping[str, float], bounds: Mapping[str, float], basis: str) -> Verdict:
    """The verdict on losses at equal compute, from their log ratio on each backbone."""
    needed = int(bounds["backbones"])
    found = mean_interval(list(gaps.values()), bounds["confidence"]) if gaps else None
    if found is None or found.low is None or found.high is None or found.count < needed:
        why = f"Only {len(gaps)} of the {needed} backbones that are needed have a compute that both methods reach."
        return Verdict(EQUAL_COMPUTE, CANNOT_TELL, why, basis if found else None)
    answer: Answer = REPRODUCED if found.high < 0 else NOT_REPRODUCED if found.low > 0 else CANNOT_TELL
    why = (
        f"At the largest compute that both reach, Ladder's loss is {interval_text(found)} against QLoRA's (mean of "
        f"logarithms with a {bounds['confidence']:.0%} interval over {found.count} backbones). "
        f"From the smallest to the largest backbone: {', '.join(percent(gap) for gap in by_size(gaps))}."
    )
    said = loss_sentence("ladder", by_size(gaps), bounds["confidence"])
    zero = " That interval has zero in it." if answer == CANNOT_TELL else ""
    return Verdict(EQUAL_COMPUTE, answer, why, basis, said + zero)
