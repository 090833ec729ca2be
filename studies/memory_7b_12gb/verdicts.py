"""The rules of study.yaml."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ladderscope.records import Record
from ladderscope.studies.bases import Basis, basis_of, in_words
from ladderscope.studies.chosen import peak_reserved
from ladderscope.studies.findings import ANSWERS, CANNOT_TELL, Answer, Verdict
from ladderscope.units import format_bytes

from .fitting import bases_of_bounds, bounds
from .variants import BEST_LADDER, BEST_QLORA, CARDS, CHECKPOINTING, HEADLINE, MODELS, SIZE, Peaks, in_bf16

_SIXTEENTH, _EIGHTH = "ladder 1/16", "ladder 1/8"
_OF_FITS = {_SIXTEENTH: ("ladder", SIZE), _EIGHTH: ("ladder", 8), "qlora": ("qlora", SIZE)}
Fits = Mapping[str, Mapping[str, list[bool]]]
"""Model -> method -> whether it fits with adapters in fp32 and in bf16."""
REPRODUCED, NOT_REPRODUCED = ANSWERS["paper"]
HOLDS, DOES_NOT_HOLD = ANSWERS["own"]


def verdicts_of(peaks: Peaks, limits: Mapping[str, float]) -> list[Verdict]:
    """One for each claim."""
    half = _ratio_verdict("half", "ladder", "qlora", limits["half"], peaks)
    return [
        half,
        _fits_verdict("fits-12gb", CARDS["12 GB"], peaks),
        _ratio_verdict("against-checkpointing", "ladder", f"qlora, {CHECKPOINTING}", limits["less"], peaks),
        _ratio_verdict("against-everything", BEST_LADDER, BEST_QLORA, limits["less"], peaks),
        _longest_verdict("longest-8gb", CARDS["8 GB"], limits["twice"], peaks),
    ]


def _ratio_verdict(claim: str, first: str, second: str, bound: float, peaks: Peaks) -> Verdict:
    """Holds if it does with adapters in fp32 and with adapters in bf16."""
    listed, ratios, used = [], [], []
    for dtype, one, other in (("fp32", first, second), ("bf16", in_bf16(first), in_bf16(second))):
        found = {model: pair for model in MODELS if (pair := _pair(model, one, other, HEADLINE, peaks))}
        if len(found) < len(MODELS):
            missing = ", ".join(model for model in MODELS if model not in found)
            return Verdict(claim, CANNOT_TELL, f"There is no record for {missing} with adapters in {dtype}.", None)
        ratios += [_ratio(pair) for pair in found.values()]
        used += [record for pair in found.values() for record in pair]
        listed.append(f"adapters in {dtype}: {', '.join(_listed(model, pair) for model, pair in found.items())}")
    why = f"`{first}` over `{second}` at {HEADLINE:,} tokens, {'; '.join(listed)}; the rule allows {bound:g}."
    said = (
        f"`{first}` reserves {min(ratios):.2f} to {max(ratios):.2f} times the memory of `{second}` at {HEADLINE:,} "
        f"tokens, over the {len(MODELS)} models and adapters in fp32 and bf16; the rule allows {bound:g}."
    )
    yes, no = (REPRODUCED, NOT_REPRODUCED) if claim == "half" else (HOLDS, DOES_NOT_HOLD)
    elsewhere = _elsewhere(first, second, bound, peaks) if claim == "half" else ""
    answer: Answer = yes if max(ratios) <= bound else no
    return Verdict(claim, answer, why + elsewhere, in_words(map(basis_of, used)), said + elsewhere)


def _pair(model: str, first: str, second: str, length: int, peaks: Peaks) -> tuple[Record, Record] | None:
    one, other = peaks.of.get((model, first, length)), peaks.of.get((model, second, length))
    return (one, other) if one and other and one.memory and other.memory else None


def _ratio(pair: tuple[Record, Record]) -> float:
    return peak_reserved(pair[0]) / peak_reserved(pair[1])


def _listed(model: str, pair: tuple[Record, Record]) -> str:
    sizes = " of ".join(format_bytes(peak_reserved(record)) for record in pair)
    return f"{model} {_ratio(pair):.2f} ({sizes})"


def _elsewhere(first: str, second: str, bound: float, peaks: Peaks) -> str:
    """Rows of another length where the ratio is above the bound, which the rule does not ask for."""
    above = [
        f"{_ratio(pair):.2f} on {model} at {length:,} tokens"
        for model in MODELS
        for length in peaks.lengths(model)
        if length != HEADLINE and (pair := _pair(model, first, second, length, peaks)) and _ratio(pair) > bound
    ]
    where = " At other lengths, with adapters in fp32, which the rule does not ask for, it is more: "
    return f"{where}{', '.join(above)}." if above else ""


def _fits_verdict(claim: str, card: str, peaks: Peaks) -> Verdict:
    """Every answer comes from a record of the card itself."""
    rows = {
        model: {
            name: [peaks.on_card(model, variant, card, size) for variant in (method, in_bf16(method))]
            for name, (method, size) in _OF_FITS.items()
        }
        for model in MODELS
    }
    used = [record for row in rows.values() for found in row.values() for record in found]
    if None in used:
        return Verdict(claim, CANNOT_TELL, "A record of the card itself is missing.", None)
    fits = {model: {name: list(map(_fits, found)) for name, found in row.items()} for model, row in rows.items()}
    told = {model: _told(of_model) for model, of_model in fits.items()}
    answers = {answer for answer, _ in told.values()}
    overall = answers.pop() if len(answers) == 1 else NOT_REPRODUCED if NOT_REPRODUCED in answers else CANNOT_TELL
    why = "; ".join(f"{model}: {answer} ({numbers})" for model, (answer, numbers) in told.items())
    start = f"Whether it fits an RTX 3060 at {HEADLINE:,} tokens, with adapters in fp32 and in bf16: "
    basis = in_words(basis_of(one) for one in used if one)
    deciding = [model for model, (answer, _) in told.items() if answer == overall != REPRODUCED]
    decides = "; ".join(against(model, fits[model]) for model in deciding)
    clause = f" What decides: {decides}." if decides else ""
    return Verdict(claim, overall, f"{start}{why}.{clause}", basis, f"{fits_sentence(fits)}{clause}")


def fits_sentence(fits: Fits) -> str:
    """On how many models each method fits, counted as the rule does: Ladder in both dtypes, QLoRA in either."""

    def fitting(name: str, enough: Callable[[list[bool]], bool]) -> str:
        models = [model for model, row in fits.items() if enough(row[name])]
        return f"{len(models)} of {len(fits)} models" + (
            f" ({', '.join(models)})" if 0 < len(models) < len(fits) else ""
        )

    return (
        f"At {HEADLINE:,} tokens, with adapters in fp32 and in bf16, an RTX 3060 has room for "
        f"{fitting(_SIXTEENTH, all)} with a Ladder of a sixteenth of the width and {fitting(_EIGHTH, all)} with one "
        f"of an eighth, and in either dtype for {fitting('qlora', any)} with QLoRA."
    )


def against(model: str, fits: Mapping[str, list[bool]]) -> str:
    """What stands against the claim on a model on which it is not reproduced."""
    if any(fits["qlora"]):
        return f"QLoRA fits on {model}"
    if not any(fits[_SIXTEENTH]):
        return f"a Ladder of a sixteenth does not fit on {model}"
    is_of_dtypes = any(len(set(fits[name])) > 1 for name in (_SIXTEENTH, _EIGHTH))
    return f"Ladder's two {'dtypes' if is_of_dtypes else 'widths'} disagree on {model}"


def _fits(record: Record | None) -> bool:
    return record is not None and record.status == "ok"


def _told(fits: dict[str, list[bool]]) -> tuple[Answer, str]:
    """The answer for a model, and what it rests on; where a sixteenth and an eighth disagree nothing can be told."""
    numbers = ", ".join(
        f"{name} {' and '.join('yes' if one else 'no' for one in found)}" for name, found in fits.items()
    )
    if any(fits["qlora"]) or not any(fits[_SIXTEENTH]):
        return NOT_REPRODUCED, numbers
    return REPRODUCED if all(fits[_SIXTEENTH] + fits[_EIGHTH]) else CANNOT_TELL, numbers


def _longest_verdict(claim: str, card: str, factor: float, peaks: Peaks) -> Verdict:
    found: dict[str, list[int]] = {}
    bases: set[Basis] = set()
    for model in MODELS[1:]:
        of_model = [bases_of_bounds(model, variant, card, peaks) for variant in (BEST_LADDER, BEST_QLORA)]
        if None in of_model:
            return Verdict(claim, CANNOT_TELL, f"The search for {model} on the card has not ended.", None)
        bases.update(*filter(None, of_model))
        found[model] = [bounds(model, variant, card, peaks)[0] for variant in (BEST_LADDER, BEST_QLORA)]
    listed = "; ".join(f"{model} {ladder:,} and {qlora:,}" for model, (ladder, qlora) in found.items())
    holds = all(ladder >= factor * qlora for ladder, qlora in found.values())
    why = (
        f"Longest rows in tokens, lean Ladder and QLoRA with checkpointing and chunked loss: {listed}. Lean Ladder "
        "runs the frozen feed-forwards in chunks of 2,048 tokens; QLoRA does not, and part of the difference "
        "is that."
    )
    return Verdict(claim, HOLDS if holds else DOES_NOT_HOLD, why, in_words(bases))
