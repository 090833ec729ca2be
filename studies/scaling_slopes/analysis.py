"""Loss against compute: exponents, multipliers, crossings, and methods at equal data, compute and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladderscope.records import Record
from ladderscope.studies.findings import Answer, Findings, Verdict

from .equal import LogRatio, at_equal
from .family import FAMILY, REFERENCE, WHOLE, cells_of
from .fitting import BACKBONE, RUN, comparison_of, fits_of
from .plots import curves_figure, slopes_figure
from .tables import data_table, equal_table, multiplier_table, percent, slope_table

if TYPE_CHECKING:
    from ladderscope.scaling import ScalingFit
    from ladderscope.scaling.results.comparison import Verdict as Agreement

CLAIMED = {"slope-ladder": "ladder", "slope-xladder": "xladder", "slope-lst": "lst"}
EQUAL_COMPUTE = "equal-compute"
ANSWERS: dict[Agreement, Answer] = {
    "equivalent": "reproduced",
    "different": "not reproduced",
    "inconclusive": "cannot tell",
}


def analyse(records: Sequence[Record]) -> Findings:
    """A pure function of the committed ledger; cells of other plans are passed over."""
    wanted = {cell.cell_id for cell in cells_of(WHOLE)}
    known = [one for one in records if one.cell.cell_id in wanted and one.status == "ok"]
    missing = len(wanted) - len({one.cell.cell_id for one in known})
    if missing:
        why = f"{missing} of {len(wanted)} cells have no result yet."
        return Findings([Verdict(name, "cannot tell", why, None) for name in (*CLAIMED, EQUAL_COMPUTE)])
    fits = fits_of(known)
    verdicts = [_slope(name, method, fits) for name, method in CLAIMED.items()]
    verdicts.append(equal_compute(at_equal(known, "ladder", REFERENCE, "compute")))
    tables = [slope_table(fits), multiplier_table(fits[RUN]), equal_table(known), data_table(known)]
    return Findings(verdicts, tables, [curves_figure(known, fits[RUN]), slopes_figure(fits)])


def _slope(claim: str, method: str, fits: dict[str, ScalingFit]) -> Verdict:
    by_run, by_backbone = (comparison_of(fits[unit], method) for unit in (RUN, BACKBONE))
    agree = by_run.verdict == by_backbone.verdict
    answer: Answer = ANSWERS[by_run.verdict] if agree else "cannot tell"
    why = f"With runs as the unit, {by_run.reason}. With backbones as the unit, {by_backbone.reason}."
    margins = [one.slopes[0].smallest_margin for one in (by_run, by_backbone)]
    if answer == "cannot tell":
        shown = [margin for margin in margins if margin is not None]
        why += (
            f" A margin of {percent(max(shown))} would have been shown (before the adjustment)."
            if len(shown) == len(margins)
            else " No margin would have been shown."
        )
    return Verdict(claim, answer, why, "measured")


def equal_compute(found: LogRatio | None) -> Verdict:
    """The verdict on losses at equal compute."""
    if found is None or found.low is None or found.high is None or found.backbones < len(FAMILY):
        backbones = found.backbones if found else 0
        why = f"Only {backbones} of {len(FAMILY)} backbones have a compute that both methods reach."
        return Verdict(EQUAL_COMPUTE, "cannot tell", why, "measured" if found else None)
    answer: Answer = "reproduced" if found.high < 0 else "not reproduced" if found.low > 0 else "cannot tell"
    why = (
        f"At the largest compute that both reach, Ladder's loss is {percent(found.mean, signed=True)} against QLoRA's "
        f"(95% interval {percent(found.low, signed=True)} to {percent(found.high, signed=True)}, logarithms, "
        f"{found.backbones} backbones)."
    )
    return Verdict(EQUAL_COMPUTE, answer, why, "measured")
