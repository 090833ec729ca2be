"""The choice of a law in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladderscope.scaling.choice.verdict import CLEAR_AICC, CLEAR_RATIO, Duel
from ladderscope.scaling.results.choice import Candidate


@dataclass(frozen=True, slots=True)
class Rival:
    """Another candidate that was judged, with the outcome of the duel between it and the law that is named."""

    candidate: Candidate
    outcome: Duel


def decided(best: Candidate, others: Sequence[Candidate], n_groups: int) -> str:
    """Why ``best`` is the law."""
    closest = min(others, key=_error)
    votes = f"; it predicts best in {best.groups_best} of {n_groups} groups" if n_groups > 1 else ""
    return (
        f"{best.title}: at the largest scale, left out of the fit, its median error is {_error(best):.2%} against "
        f"{_error(closest):.2%} of the next best, {closest.title}, and AICc {_aicc_against(best, closest)}{votes}."
    )


def undecided(simplest: Candidate, rivals: Sequence[Rival], n_groups: int) -> str:
    """Why the data cannot tell ``simplest`` from ``rivals``, the others that are left in."""
    over = f" over {n_groups} groups" if n_groups > 1 else ""
    told = "; ".join(_cannot_tell(simplest, rival) for rival in rivals)
    return (
        f"Cannot tell {simplest.title} ({simplest.n_parameters} parameters) from {_listed(rivals)}{over}: {told}. "
        f"The simplest of these is named. A law is preferred where errors differ by a ratio of {CLEAR_RATIO:g} and "
        f"AICc by {CLEAR_AICC:g}, both beyond what noise explains."
    )


def nothing_judged(candidates: Sequence[Candidate]) -> str:
    """Why no law could be judged."""
    reasons = "; ".join(f"{candidate.title}: {candidate.reason}" for candidate in candidates)
    return f"Cannot tell, as no law can be judged on these points ({reasons}). The simplest is named."


def only_one(best: Candidate, others: Sequence[Candidate]) -> str:
    """Why ``best`` is named without a rival."""
    if not others:
        return f"{best.title} was the only candidate, so that nothing was chosen."
    reasons = "; ".join(f"{candidate.title}: {candidate.reason}" for candidate in others)
    return f"Cannot tell, as {best.title} alone can be judged on these points ({reasons})."


def _listed(rivals: Sequence[Rival]) -> str:
    names = [f"{rival.candidate.title} ({rival.candidate.n_parameters})" for rival in rivals]
    return " or ".join(names)


def _cannot_tell(simplest: Candidate, rival: Rival) -> str:
    return (
        f"errors at the left-out end are {_error(simplest):.2%} and {_error(rival.candidate):.2%}, AICc of "
        f"{rival.candidate.title} {_aicc_against(rival.candidate, simplest)} ({_why(rival.outcome)})"
    )


def _why(outcome: Duel) -> str:
    if outcome.disagree:
        return "the two disagree"
    if outcome.split:
        return "the groups do not agree"
    return "only one of the two is clear" if outcome.by_error or outcome.by_aicc else "too close to call"


def _aicc_against(one: Candidate, other: Candidate) -> str:
    difference = (one.aicc or 0.0) - (other.aicc or 0.0)
    return f"is {'lower' if difference < 0 else 'higher'} by {abs(difference):.1f}"


def _error(candidate: Candidate) -> float:
    return candidate.held_out_error if candidate.held_out_error is not None else float("inf")
