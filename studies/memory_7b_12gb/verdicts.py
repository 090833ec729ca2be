"""The rules of study.yaml."""

from __future__ import annotations

from ladderscope.studies.chosen import basis_of, peak_reserved
from ladderscope.studies.findings import Answer, Basis, Verdict
from ladderscope.units import format_bytes

from .fitting import CARDS, bounds, fits, has_ended
from .variants import BEST_LADDER, BEST_QLORA, CHECKPOINTING, HEADLINE, MODELS, Peaks

HALF, LESS, TWICE = 0.55, 0.95, 2.0


def verdicts_of(peaks: Peaks) -> list[Verdict]:
    """One for each claim."""
    return [
        _ratio_verdict("half", "ladder", "qlora", HALF, peaks),
        _fits_verdict("fits-12gb", CARDS["12 GB"], peaks),
        _ratio_verdict("against-checkpointing", "ladder", f"qlora, {CHECKPOINTING}", LESS, peaks),
        _ratio_verdict("against-everything", BEST_LADDER, BEST_QLORA, LESS, peaks),
        _longest_verdict("longest-8gb", CARDS["8 GB"], peaks),
    ]


def _ratio_verdict(claim: str, first: str, second: str, bound: float, peaks: Peaks) -> Verdict:
    pairs = {model: [peaks.of.get((model, variant, HEADLINE)) for variant in (first, second)] for model in MODELS}
    found = {model: (a, b) for model, (a, b) in pairs.items() if a and b and a.memory and b.memory}
    if len(found) < len(MODELS):
        missing = ", ".join(model for model in MODELS if model not in found)
        return Verdict(claim, "cannot tell", f"There is no record for {missing}.", None)
    sizes = {model: (peak_reserved(a), peak_reserved(b)) for model, (a, b) in found.items()}
    worst = max(a / b for a, b in sizes.values())
    listed = "; ".join(
        f"{model} {a / b:.2f} ({format_bytes(a)} of {format_bytes(b)})" for model, (a, b) in sizes.items()
    )
    why = f"`{first}` over `{second}` at {HEADLINE:,} tokens: {listed}; the rule allows {bound}."
    return Verdict(claim, _answer(worst <= bound), why, _basis(peaks))


def _fits_verdict(claim: str, card: str, peaks: Peaks) -> Verdict:
    answers = {}
    for variant in ("ladder", "qlora"):
        records = [peaks.of.get((model, variant, HEADLINE)) for model in MODELS]
        answers[variant] = [fits(record, card, peaks) if record else "open" for record in records]
    if "open" in answers["ladder"] + answers["qlora"]:
        return Verdict(claim, "cannot tell", "A cell is missing.", None)
    listed = "; ".join(
        f"{variant} {', '.join(f'{model} {answer}' for model, answer in zip(MODELS, found, strict=True))}"
        for variant, found in answers.items()
    )
    holds = set(answers["ladder"]) == {"yes"} and set(answers["qlora"]) == {"no"}
    why = f"Fits an RTX 3060 at {HEADLINE:,} tokens: {listed}.{_wider(card, peaks)}"
    return Verdict(claim, _answer(holds), why, _basis(peaks))


def _wider(card: str, peaks: Peaks) -> str:
    """The same with a wider side network, which the rule does not ask for."""
    found = {model: peaks.others.get((model, "ladder", HEADLINE)) for model in MODELS}
    listed = ", ".join(f"{model} {fits(record, card, peaks)}" for model, record in found.items() if record)
    return f" At an eighth of the backbone's width, ladder: {listed}." if listed else ""


def _longest_verdict(claim: str, card: str, peaks: Peaks) -> Verdict:
    found = {}
    for model in MODELS[1:]:
        ends = [bounds(model, variant, card, peaks) for variant in (BEST_LADDER, BEST_QLORA)]
        if not all(has_ended(low, high) for low, high in ends):
            return Verdict(claim, "cannot tell", f"The search for {model} has not ended.", None)
        found[model] = [low for low, _ in ends]
    listed = "; ".join(f"{model} {ladder:,} and {qlora:,}" for model, (ladder, qlora) in found.items())
    holds = all(ladder >= TWICE * qlora for ladder, qlora in found.values())
    why = f"Longest rows in tokens, lean Ladder and QLoRA with checkpointing and chunked loss: {listed}."
    return Verdict(claim, _answer(holds), why, _basis(peaks))


def _answer(holds: bool) -> Answer:
    return "reproduced" if holds else "not reproduced"


def _basis(peaks: Peaks) -> Basis:
    """Measured only where all that speaks is."""
    return "measured" if {basis_of(record) for record in peaks.of.values()} == {"measured"} else "predicted"
