"""The choice of one law for all groups of runs, with "cannot tell" as an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ladderscope.scaling.choice import words
from ladderscope.scaling.choice.judged import Judged, judge
from ladderscope.scaling.choice.verdict import EQUAL_ERRORS, Duel, duel
from ladderscope.scaling.laws.base import Law
from ladderscope.scaling.results.choice import Candidate, LawChoice
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import Group

Judgements = Mapping[str, Sequence[Judged]]


def choose_law(candidates: Sequence[Law], groups_of: Callable[[Law], list[Group]], settings: FitSettings) -> LawChoice:
    """The law that predicts the largest scale best from the rest and has the lowest AICc.

    One law is chosen for all groups, because slopes of different laws cannot be compared. How two laws are compared is
    in :mod:`~ladderscope.scaling.choice.verdict`; a law is out when another one wins against it. The choice is decided
    when one law alone is left in, out of two or more that could be judged.

    Args:
        candidates: at least one law; of equally large ones the earlier is taken for the simpler.
        groups_of: the groups with a law's predictors, the same groups and points for all laws.
        settings: objective, starts and seed of the fits. There is no bootstrap here.

    Returns:
        The choice. ``groups_best`` of a candidate counts the groups in which its held-out error is the smallest; a
        candidate that could not be judged in the same groups as the others has a ``reason``.

    Raises:
        ValueError: there is no candidate.
    """
    if not candidates:
        raise ValueError("choose_law needs at least one candidate")
    ordered = sorted(candidates, key=lambda law: len(law.parameters))
    judged, reasons = _common(ordered, _judge_groups(ordered, groups_of, settings))
    described = _described(ordered, judged, reasons)
    if len(judged) < 2:
        return _by_default(described, judged)
    return _decide(described, judged)


def _judge_groups(
    laws: Sequence[Law], groups_of: Callable[[Law], list[Group]], settings: FitSettings
) -> dict[str, dict[str, Judged | str]]:
    """What was found, by the name of the group and of the law."""
    groups = {law.name: {group.name: group for group in groups_of(law)} for law in laws}
    names = list(groups[laws[0].name])
    found = {}
    for name in names:
        there = [law for law in laws if name in groups[law.name]]
        of = {law.name: groups[law.name][name] for law in there}
        points, axes = {law: one.points for law, one in of.items()}, {law: one.predictors for law, one in of.items()}
        found[name] = judge(there, points, settings, axes)
    return found


def _common(
    laws: Sequence[Law], found: Mapping[str, Mapping[str, Judged | str]]
) -> tuple[dict[str, list[Judged]], dict[str, str]]:
    """The laws that can be judged in the same groups, and the reasons why the others cannot.

    A law that can be judged in fewer than half of the groups that another one can is left out for their sake.
    """
    reasons: dict[str, str] = {}
    left = list(laws)
    able = {law.name: {name for name, of in found.items() if isinstance(of.get(law.name), Judged)} for law in laws}
    most = max(len(groups) for groups in able.values())
    for law in laws:
        if not able[law.name] or 2 * len(able[law.name]) < most:
            why = next((of[law.name] for of in found.values() if isinstance(of.get(law.name), str)), "no group has it")
            reasons[law.name] = str(why)
            left.remove(law)
    while len(left) > 1 and not set.intersection(*(able[law.name] for law in left)):
        law = left.pop()
        reasons[law.name] = "no group has enough points both for it and for the simpler laws"
    shared = set.intersection(*(able[law.name] for law in left)) if left else set()
    common = [name for name in found if name in shared]
    judged = {law.name: [found[name][law.name] for name in common] for law in left}
    return {name: [one for one in of if isinstance(one, Judged)] for name, of in judged.items()}, reasons


def _described(laws: Sequence[Law], judged: Judgements, reasons: Mapping[str, str]) -> list[Candidate]:
    described = []
    votes = _votes(judged)
    for law in laws:
        candidate = Candidate(law=law.name, title=law.title, n_parameters=len(law.parameters))
        if law.name in judged:
            of = judged[law.name]
            candidate = replace(
                candidate,
                aicc=float(sum(one.aicc for one in of)),
                held_out_error=float(np.median([one.held_out_error for one in of])),
                groups_best=votes[law.name],
            )
        described.append(replace(candidate, reason=reasons.get(law.name)))
    return described


def _votes(judged: Judgements) -> dict[str, int]:
    """In how many groups each law has the smallest held-out error; of equal ones the simpler law has the vote."""
    names = list(judged)
    if not names:
        return {}
    errors = np.array([[one.held_out_error for one in judged[name]] for name in names])
    best = np.argmax(errors <= (1 + EQUAL_ERRORS) * errors.min(axis=0), axis=0)
    return {name: int(np.sum(best == row)) for row, name in enumerate(names)}


def _by_default(candidates: list[Candidate], judged: Judgements) -> LawChoice:
    named = next((candidate for candidate in candidates if candidate.law in judged), None)
    if named is None:
        return LawChoice(
            law=candidates[0].law, decided=False, reason=words.nothing_judged(candidates), candidates=candidates
        )
    others = [candidate for candidate in candidates if candidate is not named]
    return LawChoice(law=named.law, decided=False, reason=words.only_one(named, others), candidates=candidates)


def _decide(candidates: list[Candidate], judged: Judgements) -> LawChoice:
    able = [candidate for candidate in candidates if candidate.law in judged]
    deviation = float(np.median(np.min([[one.deviation for one in of] for of in judged.values()], axis=0)))
    outcomes: dict[tuple[str, str], Duel] = {
        (simpler.law, other.law): duel(judged[simpler.law], judged[other.law], deviation)
        for at, simpler in enumerate(able)
        for other in able[at + 1 :]
    }
    beaten = {other for (_, other), outcome in outcomes.items() if outcome.winner > 0}
    beaten |= {simpler for (simpler, _), outcome in outcomes.items() if outcome.winner < 0}
    left_in = [candidate for candidate in able if candidate.law not in beaten] or able
    named = left_in[0]
    n_groups = len(judged[named.law])
    if len(left_in) == 1:
        reason = words.decided(named, [other for other in able if other is not named], n_groups)
    else:
        rivals = [words.Rival(other, outcomes[named.law, other.law]) for other in left_in[1:]]
        reason = words.undecided(named, rivals, n_groups)
    return LawChoice(law=named.law, decided=len(left_in) == 1, reason=reason, candidates=candidates)
