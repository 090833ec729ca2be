"""Loss against compute: exponents, multipliers, crossings, and methods at equal data, compute and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, common_basis
from ladderscope.studies.complete import missing_sentence, of_one_meter
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Findings, Verdict
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.texts import interval_text, share_text

from .equal import at_equal
from .family import REFERENCE, WHOLE, cells_of
from .fitting import BACKBONE, RUN, comparison_of, fits_of
from .plots import curves_figure, slopes_figure
from .tables import data_table, equal_table, multiplier_table, slope_table

if TYPE_CHECKING:
    from ladderscope.scaling import ScalingFit
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
    fits = fits_of(known, confidence, margin)
    verdicts = [_slope(name, method, fits, basis) for name, method in CLAIMED.items()]
    found = at_equal(known, "ladder", REFERENCE, "compute", confidence)
    verdicts.append(equal_compute(found, bounds, basis))
    tables = [
        slope_table(fits, margin, basis),
        multiplier_table(fits[RUN], basis),
        equal_table(known, confidence),
        data_table(known),
    ]
    return Findings(verdicts, tables, [curves_figure(known, fits[RUN]), slopes_figure(fits, margin, basis)])


def _slope(claim: str, method: str, fits: dict[str, ScalingFit], basis: Basis) -> Verdict:
    by_run, by_backbone = (comparison_of(fits[unit], method) for unit in (RUN, BACKBONE))
    agree = by_run.verdict == by_backbone.verdict
    answer: Answer = BY_AGREEMENT[by_run.verdict] if agree else CANNOT_TELL
    why = f"With runs as the unit, {by_run.reason}. With backbones as the unit, {by_backbone.reason}."
    margins = [one.slopes[0].smallest_margin for one in (by_run, by_backbone)]
    if answer == CANNOT_TELL:
        shown = [margin for margin in margins if margin is not None]
        why += (
            f" A margin of {share_text(max(shown))} would have been shown (before the adjustment)."
            if len(shown) == len(margins)
            else " No margin would have been shown."
        )
    return Verdict(claim, answer, why, basis)


def equal_compute(found: MeanInterval | None, bounds: Mapping[str, float], basis: Basis) -> Verdict:
    """The verdict on losses at equal compute."""
    needed = int(bounds["backbones"])
    if found is None or found.low is None or found.high is None or found.count < needed:
        backbones = found.count if found else 0
        why = f"Only {backbones} of the {needed} backbones that are needed have a compute that both methods reach."
        return Verdict(EQUAL_COMPUTE, CANNOT_TELL, why, basis if found else None)
    answer: Answer = REPRODUCED if found.high < 0 else NOT_REPRODUCED if found.low > 0 else CANNOT_TELL
    why = (
        f"At the largest compute that both reach, Ladder's loss is {interval_text(found)} against QLoRA's (mean of "
        f"logarithms with a {bounds['confidence']:.0%} interval over {found.count} backbones)."
    )
    return Verdict(EQUAL_COMPUTE, answer, why, basis)
