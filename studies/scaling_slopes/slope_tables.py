"""The tables of the README on slopes: those of one curve through all sizes, and those within backbones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ladderscope.studies.bases import Basis
from ladderscope.studies.findings import NOTHING, Table, Value
from ladderscope.studies.texts import share_text

from .family import FAMILY, METHODS, REFERENCE, size_text
from .fitting import RUN, comparison_of
from .within import Within

if TYPE_CHECKING:
    from ladderscope.scaling import ScalingFit
    from ladderscope.scaling.results.comparison import MethodComparison, SlopeComparison
    from ladderscope.scaling.results.estimates import Estimate

UNITS = {RUN: "run"}
TESTS = ["p of no difference", "p of no equivalence"]
_ADJUSTED = (
    "In brackets p adjusted by Holm over the five methods, from which verdicts follow; intervals{0} are those of a "
    "single comparison."
)


def slope_table(fits: dict[str, ScalingFit], bound: float, basis: Basis) -> Table:
    """Every method against QLoRA by the slope that decides, with either unit of statistics."""
    rows: list[Sequence[str | Value]] = []
    for method, unit, found in _cases(fits):
        slope = found.slopes[0]
        margin = NOTHING if slope.smallest_margin is None else share_text(slope.smallest_margin)
        cells = [*_numbers(slope), margin, str(slope.runs_needed or NOTHING)]
        rows.append([method, unit, slope.estimand, *(Value(one, basis) for one in cells), slope.verdict])
    columns = ["method", "unit", "slope", "its own (QLoRA's)", "ratio, 90%", *TESTS, "smallest margin", "units needed"]
    note = (
        "One curve E + B C^-lambda through all sizes. Smallest margin: within what of QLoRA's slope the data would "
        "have shown equivalence. Units needed: pairs of that unit that would show equal slopes "
        f"within {share_text(bound)} with a power of 80%. {_ADJUSTED.format(', margins and units needed')}"
    )
    return Table("Slopes against QLoRA's", [*columns, "verdict"], rows, note)


def other_slopes_table(fits: dict[str, ScalingFit], basis: Basis) -> Table:
    """The slopes of the same comparisons that do not decide."""
    rows: list[Sequence[str | Value]] = []
    for method, unit, found in _cases(fits):
        for slope in found.slopes[1:]:
            numbers = [Value(one, basis) for one in _numbers(slope)]
            rows.append([method, unit, slope.estimand, *numbers, slope.verdict])
    note = (
        "Exponent, all own: each method has an E of its own. Local log-log slope: a straight line through all sizes "
        "over the compute that both methods cover, below zero where the loss falls; mean slope within runs: of "
        "backbones, where each has three budgets in that range. A dash: the loss of one of the two does not fall, so "
        f"that there is no verdict. The rule does not use these slopes. {_ADJUSTED.format('')}"
    )
    columns = ["method", "unit", "slope", "its own (QLoRA's)", "ratio, 90%", *TESTS, "verdict"]
    return Table("Other slopes of the same comparisons", columns, rows, note)


def within_table(found: Within, uncalibrated: Within, margin: float, basis: Basis) -> Table:
    """Slopes within backbones and each method's against QLoRA's.

    Args:
        found: the slopes.
        uncalibrated: those of the calibrated methods if compute is that of their steps alone.
        margin: of the verdicts.
        basis: of all numbers.
    """
    rows = [_within_row(method, found, method, basis) for method in METHODS]
    # Another count of the same runs: it belongs to no family of comparisons, and has no verdict.
    rows += [
        _within_row(method, uncalibrated, f"{method}, steps alone", basis, alone=True)
        for method in uncalibrated.against
    ]
    columns = ["method", *map(size_text, FAMILY), "ratio to QLoRA's, 90%", TESTS[0], "verdict"]
    note = (
        "Minus the slope of log held-out loss by log compute, by least squares through a method's six runs on each "
        "backbone, over the compute that these spend. "
        "Ratio: of means over backbones, paired by backbone, with Fieller's interval (Student's t, "
        f"{len(FAMILY) - 1} degrees of freedom); p: of the paired t test; verdicts are for a margin of "
        f"{share_text(margin)}. Backbones count as draws of one kind, so a ratio that drifts with size is taken for "
        "scatter. Steps alone: the calibration is not counted as compute. The rule does not use this table: a review "
        f"asked for it on 2026-11-23, with the results known. {_ADJUSTED.format('')}"
    )
    return Table("Slope within each backbone", columns, rows, note)


def _within_row(method: str, found: Within, name: str, basis: Basis, *, alone: bool = False) -> list[str | Value]:
    """Slopes, ratio, p and verdict; ``alone`` leaves out what is adjusted for a family."""
    from ladderscope.scaling.text import format_p

    slopes, against = found.slopes[method], found.against.get(method)
    cells, verdict = [f"{slopes[one.name]:.3f}" if one.name in slopes else NOTHING for one in FAMILY], NOTHING
    if against is None:
        cells += [NOTHING, NOTHING]
    elif alone:
        cells += [ratio_text(against), format_p(against.p_difference)]
    else:
        cells += [ratio_text(against), _tests(against)[0]]
        verdict = against.verdict
    return [name, *(Value(one, basis) for one in cells), verdict]


def ratio_text(slope: SlopeComparison, name: str = "") -> str:
    """The ratio of the two slopes with its interval, before which ``name`` is put."""
    from ladderscope.scaling.columns import ratio_of

    ratio = ratio_of(slope)
    return NOTHING if ratio is None else f"{ratio_number(ratio)} ({ends_text(slope, name)})"


def ends_text(slope: SlopeComparison, name: str = "") -> str:
    """The interval of that ratio, behind ``name``."""
    ends = slope.equivalence_interval
    return "no bounds" if ends is None else f"{name}{ratio_number(ends[0])} to {ratio_number(ends[1])}"


def ratio_number(value: float) -> str:
    """Two decimals, none from ten on, where bounds are loose; what rounds to zero has no sign."""
    return f"{round(value, 2) + 0.0:.2f}" if abs(value) < 10 else f"{value:.0f}"


def _cases(fits: dict[str, ScalingFit]) -> list[tuple[str, str, MethodComparison]]:
    """Method, name of the unit, and their comparison with QLoRA."""
    return [
        (method, UNITS.get(unit, "backbone"), comparison_of(fit, method))
        for method in METHODS
        if method != REFERENCE
        for unit, fit in fits.items()
    ]


def _numbers(slope: SlopeComparison) -> list[str]:
    """Both slopes, their ratio, and p of both tests."""
    return [f"{_number(slope.first)} ({_number(slope.second)})", ratio_text(slope), *_tests(slope)]


def _tests(slope: SlopeComparison) -> list[str]:
    from ladderscope.scaling.text import format_holm

    return [
        format_holm(slope.p_difference, slope.p_difference_holm),
        format_holm(slope.p_equivalence, slope.p_equivalence_holm),
    ]


def _number(estimate: Estimate) -> str:
    return NOTHING if estimate.value is None else f"{estimate.value:.3g}"
