"""QST's own comparison of downsamplers (its table 6), on loss."""

from __future__ import annotations

from collections.abc import Mapping

from ladderscope.studies.bases import PUBLISHED as BY_OTHERS
from ladderscope.studies.families import all_sides, holm_intervals
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, NOTHING, Answer, Table, Value, Verdict
from ladderscope.studies.intervals import MeanInterval, mean_interval
from ladderscope.studies.trained.variant_runs import Runs, differences
from ladderscope.studies.trained.variant_verdicts import interval_text

ADAPTER, LINEAR, POOLED = "adapter", "linear", ("avg-pool", "max-pool")
PUBLISHED = {ADAPTER: 45.1, LINEAR: 44.9, "avg-pool": 42.5, "max-pool": 43.7}
"""MMLU accuracy of LLaMA-2-7B, 5 shots, in percent (arXiv 2401.07159, table 6)."""
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
_ANSWERS: dict[str, Answer] = {"below": REPRODUCED, "above": NOT_REPRODUCED, "open": CANNOT_TELL}


def adapter_verdict(claim: str, runs: Runs, bounds: Mapping[str, float]) -> Verdict:
    """Whether adapter taps do as well as linear ones, within the margin, and better than pooled ones."""
    compared = runs.only((ADAPTER, LINEAR, *POOLED))
    missing = compared.missing()
    if missing:
        return Verdict(claim, CANNOT_TELL, missing, None)
    family = {
        name: [gap - _allowed(name, bounds) for gap in differences(runs, "width", ADAPTER, name).values()]
        for name in (LINEAR, *POOLED)
    }
    found = holm_intervals(family, bounds["confidence"])
    shown = {name: _moved(one, _allowed(name, bounds)) for name, one in found.items()}
    numbers = "; ".join(f"against {name}: {interval_text(one)}" for name, one in shown.items())
    why = f"Adapter taps' loss at equal width, {numbers} (Holm-adjusted, {bounds['confidence']:.0%})."
    return Verdict(claim, _ANSWERS[all_sides(list(found.values()))], why, compared.basis())


def adapter_table(runs: Runs, bounds: Mapping[str, float]) -> Table:
    """Adapter taps against the others at equal width, beside the published accuracies."""
    rows: list[list[str | Value]] = []
    for name in (LINEAR, *POOLED):
        gaps = list(differences(runs, "width", ADAPTER, name).values())
        text = interval_text(mean_interval(gaps, bounds["confidence"])) if gaps else NOTHING
        points = f"{PUBLISHED[ADAPTER] - PUBLISHED[name]:+.1f}"
        rows.append([name, Value(text, runs.basis()), Value(points, BY_OTHERS)])
    note = (
        "Loss of adapter taps over the other's, minus one, at equal width: below zero where adapters are lower "
        f"(unadjusted {bounds['confidence']:.0%} intervals). Beside it what table 6 gives, in points of MMLU "
        "accuracy: above zero where adapters are better."
    )
    return Table("Adapter taps against QST's table 6", ["against", "loss", "published accuracy"], rows, note)


def _allowed(name: str, bounds: Mapping[str, float]) -> float:
    """How much higher adapters' log loss may be: at least as well is within the margin, better is below."""
    return bounds["margin"] if name == LINEAR else 0.0


def _moved(one: MeanInterval, by: float) -> MeanInterval:
    low, high = (None if end is None else end + by for end in (one.low, one.high))
    return MeanInterval(one.mean + by, low, high, one.count)
