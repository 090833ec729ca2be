"""QST's own comparison of downsamplers (its table 6), on loss."""

from __future__ import annotations

from collections.abc import Mapping

from ladderscope.studies.bases import PUBLISHED as BY_OTHERS
from ladderscope.studies.findings import ANSWERS, NOTHING, Table, Value, Verdict
from ladderscope.studies.texts import interval_text
from ladderscope.studies.variants.records import Runs
from ladderscope.studies.variants.verdicts import against_reference, lowest

ADAPTER, LINEAR, POOLED = "adapter", "linear", ("avg-pool", "max-pool")
PUBLISHED = {ADAPTER: 45.1, LINEAR: 44.9, "avg-pool": 42.5, "max-pool": 43.7}
"""MMLU accuracy of LLaMA-2-7B, 5 shots, in percent (arXiv 2401.07159, table 6)."""


def adapter_verdict(claim: str, runs: Runs, bounds: Mapping[str, float]) -> Verdict:
    """Whether adapter taps do as well as linear ones, within the margin, and better than pooled ones."""
    allowed = {LINEAR: bounds["margin"]}
    return lowest(claim, _compared(runs), "width", bounds, allowed=allowed, answers=ANSWERS["paper"])


def adapter_table(runs: Runs, bounds: Mapping[str, float]) -> Table:
    """Adapter taps against the others at equal width, beside the published accuracies."""
    compared = _compared(runs)
    rows: list[list[str | Value]] = []
    for name, one in against_reference(compared, "width", bounds).items():
        text = NOTHING if one is None else interval_text(one.plain)
        points = f"{PUBLISHED[ADAPTER] - PUBLISHED[name]:+.1f}"
        rows.append([name, Value(text, compared.basis()), Value(points, BY_OTHERS)])
    note = (
        "Loss of adapter taps over the other's, minus one, at equal width: below zero where adapters are lower "
        f"({bounds['confidence']:.0%} t intervals over seeds, each by itself). Beside it what table 6 gives, in "
        "points of MMLU accuracy: above zero where adapters are better."
    )
    return Table("Adapter taps against QST's table 6", ["against", "loss", "published accuracy"], rows, note)


def _compared(runs: Runs) -> Runs:
    return runs.family(ADAPTER, (LINEAR, *POOLED))
