"""Published gigabytes beside predicted ones, and their ratios: the rules of study.yaml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladderscope.records import Record
from ladderscope.studies.bases import basis_of, in_words
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Findings, Verdict

from .plots import pairs_figure
from .published import FIGURE_1A, LARGEST, NAMED, PUBLISHED, TABLE_1, TABLE_2
from .sizes import DECIDES, OTHER, Found, Pair, Place, found_with, gigabytes, pairs_of, places
from .tables import tables_of

REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
HOLDS, DOES_NOT_HOLD = ANSWERS["own"]
Pairs = dict[Place, Pair]


def analyse(records: Sequence[Record], bounds: Mapping[str, float]) -> Findings:
    """A pure function of the committed ledger and of the rules' bounds."""
    found, other = found_with(records, DECIDES), found_with(records, OTHER)
    pairs, beside = pairs_of(found), pairs_of(other)
    close = bounds["close"]
    verdicts = [
        _pairs(pairs, beside, close),
        _factor_qlora(pairs, beside, bounds["factor-2.3"], close),
        _factor_full(found, other, bounds["factor-7"], close),
        _gigabytes(found, close),
    ]
    return Findings(verdicts, tables_of(found, other), [pairs_figure(pairs, beside)])


def _pairs(pairs: Pairs, beside: Pairs, close: float) -> Verdict:
    wanted = [place for place in places() if place[0] == TABLE_2]
    if not all(place in pairs for place in wanted):
        return Verdict("pairs", CANNOT_TELL, "A cell is missing.", None)
    worst = max(wanted, key=lambda place: abs(pairs[place].off))
    within = sum(abs(pairs[place].off) <= close for place in wanted)
    said = (
        f"With adapters in {DECIDES} QLoRA over QST is {_range(pairs, wanted)}, for {within} of {len(wanted)} models "
        f"within {close:.0%} of the published ratio; furthest off is {worst[1]}, by {pairs[worst].off:+.0%}."
    )
    answer = REPRODUCED if within == len(wanted) else NOT_REPRODUCED
    basis = in_words(basis for place in wanted for basis in pairs[place].bases)
    return Verdict("pairs", answer, said + _in_fp32(beside, wanted), basis, said)


def _range(pairs: Pairs, wanted: Sequence[Place]) -> str:
    owns = [pairs[place].own for place in wanted]
    return f"{min(owns):.2f} to {max(owns):.2f}"


def _in_fp32(beside: Pairs, wanted: Sequence[Place]) -> str:
    known = [place for place in wanted if place in beside]
    if not known:
        return ""
    worst = max((beside[place].off for place in known), key=abs)
    return f" In {OTHER}, which does not decide: {_range(beside, known)}, up to {worst:+.0%}."


def _factor_qlora(pairs: Pairs, beside: Pairs, factor: float, close: float) -> Verdict:
    place = (TABLE_1, NAMED)
    if place not in pairs:
        return Verdict("factor-2.3", CANNOT_TELL, "A cell is missing.", None)
    pair = pairs[place]
    own = " GB over ".join(f"{size:.1f}" for size in pair.own_gb)
    published = " over ".join(f"{size:g}" for size in pair.published_gb)
    off = " and ".join(
        f"{mine / theirs - 1:+.0%}" for mine, theirs in zip(pair.own_gb, pair.published_gb, strict=True)
    )
    also = f"; with adapters in {OTHER}, which does not decide, {beside[place].own:.2f}" if place in beside else ""
    largest = max(pairs, key=lambda one: pairs[one].own)
    why = (
        f"QLoRA over QST for {NAMED} of {TABLE_1}: {pair.own:.2f} times with adapters in {DECIDES} ({own} GB where "
        f"{published} are published, off by {off}){also}. {_asked(factor, close)} The largest of all pairs is "
        f"{pairs[largest].own:.2f}, {largest[1]} of {largest[0]}; the rule does not ask for it."
    )
    said = f"QLoRA takes {pair.own:.2f} times QST's memory for {NAMED} of {TABLE_1}. {_asked(factor, close)}"
    return _factor_verdict("factor-2.3", pair.own, factor, close, why, in_words(pair.bases), said)


def _factor_full(found: Found, other: Found, factor: float, close: float) -> Verdict:
    own, beside = _of_full(found), _of_full(other)
    if own is None:
        return Verdict("factor-7", CANNOT_TELL, "A cell is missing.", None)
    ratio, used = own
    also = f"; in {OTHER}, which does not decide, {beside[0]:.2f}" if beside else ""
    why = (
        f"Full fine-tuning over QST for {LARGEST}: {ratio:.2f} times with the side network in {DECIDES} "
        f"({' GB over '.join(f'{gigabytes(record):.0f}' for record in used)} GB where {_figure_gb('full'):g} over "
        f"{_figure_gb('qst'):g} were read off the figure){also}. {_asked(factor, close)}"
    )
    said = f"Full fine-tuning takes {ratio:.2f} times QST's memory for {LARGEST}. {_asked(factor, close)}"
    return _factor_verdict("factor-7", ratio, factor, close, why, in_words(map(basis_of, used)), said)


def _factor_verdict(claim: str, own: float, factor: float, close: float, why: str, basis: str, said: str) -> Verdict:
    """Whether a factor is near the published one; where it is not, on which side it is."""
    if abs(own / factor - 1) <= close:
        return Verdict(claim, REPRODUCED, why, basis, said)
    return Verdict(claim, NOT_REPRODUCED, why, basis, said, f"the factor is {'larger' if own > factor else 'smaller'}")


def _of_full(found: Found) -> tuple[float, list[Record]] | None:
    sizes = {one.method: record for one, record in found.items() if one.where == FIGURE_1A}
    if not {"full", "qst"} <= sizes.keys():
        return None
    return gigabytes(sizes["full"]) / gigabytes(sizes["qst"]), [sizes["full"], sizes["qst"]]


def _figure_gb(method: str) -> float:
    return next(one.gb for one in PUBLISHED if (one.where, one.method) == (FIGURE_1A, method))


def _asked(factor: float, close: float) -> str:
    return f"The rule asks for {factor * (1 - close):.2f} to {factor * (1 + close):.2f}."


def _gigabytes(found: Found, close: float) -> Verdict:
    of_tables = {one: record for one, record in found.items() if one.where in (TABLE_1, TABLE_2)}
    if not of_tables:
        return Verdict("gigabytes", CANNOT_TELL, "A cell is missing.", None)
    off = {one: gigabytes(record) / one.gb - 1 for one, record in of_tables.items()}
    within = sum(abs(value) <= close for value in off.values())
    worst = max(off, key=lambda one: abs(off[one]))
    why = (
        f"{within} of {len(off)} values are within {close:.0%}; the furthest is {worst.method} on {worst.model} of "
        f"{worst.where}, {gigabytes(of_tables[worst]):.1f} GB where {worst.gb} are published."
    )
    answer = HOLDS if within == len(off) else DOES_NOT_HOLD
    return Verdict("gigabytes", answer, why, in_words(map(basis_of, of_tables.values())))
