"""Accuracy against tokens written: whether xLadder's chains can be shorter than Ladder's at equal parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import basis_of, in_words
from ladderscope.studies.complete import missing_sentence
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Findings, Verdict
from ladderscope.studies.intervals import MeanInterval, mean
from ladderscope.studies.shares import UNBOUNDED, accuracy_text, ends_of, points, points_with_interval

from .outcome import WANTED, accuracy, difference, differences_by_seed, is_above, runs_of, usable
from .plan import DEFAULT, DELTAS, LONG, REFERENCE, SHORT
from .plots import accuracy_figure
from .shortest import shortest_table
from .tables import accuracy_table, compute_table, cost_table, equal_table

SHORTER, DEEPER = "shorter-chains", "deeper-shorter"
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
HOLDS, DOES_NOT_HOLD = ANSWERS["own"]
_DEEPEST, _SHALLOWEST = f"xladder-{max(DELTAS)}", f"xladder-{min(DELTAS)}"


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds; cells of other plans are passed over."""
    known = usable(records)
    missing = missing_sentence(len(known), len(WANTED))
    tables = [accuracy_table(known, bounds), compute_table(known), cost_table(known)] if known else []
    if missing:
        return Findings([Verdict(name, CANNOT_TELL, missing, None) for name in (SHORTER, DEEPER)], tables)
    verdicts = [_shorter(known, bounds), _deeper(known, bounds)]
    told = [equal_table(known, bounds), shortest_table(known, bounds)]
    return Findings(verdicts, [tables[0], *told, *tables[1:]], [accuracy_figure(known, bounds)])


def _shorter(records: Sequence[Record], bounds: Mapping[str, float]) -> Verdict:
    basis, confidence = in_words(map(basis_of, records)), bounds["confidence"]
    long = accuracy(runs_of(records, REFERENCE, LONG))
    if long < bounds["long-chain"]:
        why = (
            f"Ladder's long chains are right in {accuracy_text(long)}, less than the "
            f"{accuracy_text(bounds['long-chain'])} that are needed: there is no chain to shorten."
        )
        return Verdict(SHORTER, CANNOT_TELL, why, basis)
    told = told_granularities(records, (DEFAULT, REFERENCE), bounds)
    if not told:
        return Verdict(SHORTER, CANNOT_TELL, "No short chain is above chance with either method.", basis)
    gain = difference(records, DEFAULT, REFERENCE, told, confidence)
    alone = differences_by_seed(records, DEFAULT, REFERENCE, told)
    kept = difference(records, DEFAULT, REFERENCE, (LONG,), confidence)
    on_short = points_with_interval(gain, confidence)
    why = (
        f"With a value every {_listed(told)} operations xLadder answers {_right(records, DEFAULT, told)} right where "
        f"Ladder answers {_right(records, REFERENCE, told)}: {on_short}, {_by_seed(alone, gain)}. "
        f"{_kept_sentence(long, kept, confidence)}"
    )
    return Verdict(SHORTER, answer_on(gain, alone, kept, bounds["margin"]), why, basis)


def _kept_sentence(long: float, kept: MeanInterval, confidence: float) -> str:
    """What becomes of long chains, of which Ladder answers the share ``long`` right."""
    if long == 1 and kept.mean == 0:
        return "With every value written both answer everything right, so that no interval can be given."
    return (
        f"With every value written, where Ladder answers {accuracy_text(long)} right, xLadder's accuracy is "
        f"{points_with_interval(kept, confidence)} against that."
    )


def answer_on(gain: MeanInterval, alone: Sequence[float], kept: MeanInterval, margin: float) -> Answer:
    """What the gain on short chains, with all seeds and with each, and what is kept on long ones say of the claim."""
    low, high, kept_low = gain.low, gain.high, kept.low
    assert low is not None
    assert high is not None
    assert kept_low is not None
    if low > 0 and min(alone) > 0 and kept_low > -margin:
        return REPRODUCED
    return NOT_REPRODUCED if high < margin else CANNOT_TELL


def _deeper(records: Sequence[Record], bounds: Mapping[str, float]) -> Verdict:
    basis, confidence = in_words(map(basis_of, records)), bounds["confidence"]
    told = told_granularities(records, tuple(f"xladder-{delta}" for delta in DELTAS), bounds)
    if not told:
        return Verdict(DEEPER, CANNOT_TELL, "No short chain is above chance at any depth.", basis)
    gain = difference(records, _DEEPEST, _SHALLOWEST, told, confidence)
    alone = differences_by_seed(records, _DEEPEST, _SHALLOWEST, told)
    assert gain.low is not None
    assert gain.high is not None
    answer: Answer = HOLDS if gain.low > 0 else DOES_NOT_HOLD if gain.high < bounds["margin"] else CANNOT_TELL
    why = (
        f"With a value every {_listed(told)} operations xLadder answers {_right(records, _DEEPEST, told)} right with "
        f"{max(DELTAS)} free blocks where it answers {_right(records, _SHALLOWEST, told)} with {min(DELTAS)}: "
        f"{points_with_interval(gain, confidence)}, {_by_seed(alone, gain)}."
    )
    return Verdict(DEEPER, answer, why, basis)


def told_granularities(records: Sequence[Record], arms: Sequence[str], bounds: Mapping[str, float]) -> list[int]:
    """The short chains on which at least one of the arms is above chance."""
    chance, confidence = bounds["chance"], bounds["confidence"]
    return [g for g in SHORT if any(is_above(runs_of(records, arm, g), chance, confidence) for arm in arms)]


def _right(records: Sequence[Record], arm: str, granularities: Sequence[int]) -> str:
    return accuracy_text(mean([accuracy(runs_of(records, arm, granularity)) for granularity in granularities]))


def _by_seed(differences: Sequence[float], gain: MeanInterval) -> str:
    said = f"{' and '.join(map(points, differences))} with the {len(differences)} seeds"
    return f"{said}, which are too few to bound it" if ends_of(gain) == UNBOUNDED else said


def _listed(granularities: Sequence[int]) -> str:
    *first, last = map(str, granularities)
    return f"{', '.join(first)} and {last}" if first else last
