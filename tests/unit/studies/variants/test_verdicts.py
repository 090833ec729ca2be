"""Verdicts on variants whose losses are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import pytest

from ladderscope.records import Record
from ladderscope.studies.families import Compared, compare_all
from ladderscope.studies.findings import ANSWERS, Verdict
from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.variants.plan import Plan, variant
from ladderscope.studies.variants.records import Axis, Runs, differences, runs_of
from ladderscope.studies.variants.verdicts import (
    against_reference,
    equivalent,
    lowest,
    said_of,
    said_of_equivalence,
)

PLAN = Plan(
    variants=tuple(variant(name, (4, 8, 16), gate=name) for name in ("scalar", "vector", "none")), seeds=(0, 1, 2)
)
BOUNDS = {"confidence": 0.95, "margin": 0.01}
Invent = Callable[..., list[Record]]


@pytest.mark.parametrize(
    ("worse", "noise", "answer"),
    [
        ({"vector": 0.05, "none": 0.03}, 0.001, "holds"),
        ({"vector": 0.05, "none": -0.03}, 0.001, "does not hold"),
        ({"vector": 0.05, "none": 0.0}, 0.001, "cannot tell"),
        ({"vector": 0.05, "none": 0.03}, 0.2, "cannot tell"),
    ],
)
@pytest.mark.parametrize("axis", ["width", "memory"])
def test_the_reference_must_be_below_all_others(
    invent_variants: Invent, worse: Mapping[str, float], noise: float, answer: str, axis: Axis
) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, worse, noise=noise))
    verdict = lowest("claim", runs, axis, BOUNDS)
    assert verdict.answer == answer
    measured = "measured on a CPU"
    assert verdict.basis == (f"losses {measured}, bytes predicted" if axis == "memory" else measured)
    assert "against vector: -" in verdict.why or noise > 0.1
    assert ("adjusted by Holm, it is too high against none." in verdict.why) == (answer == "does not hold")


@pytest.mark.parametrize(
    ("worse", "decides"),
    [
        ({"vector": 0.05, "none": 0.03}, "each interval by itself is low enough."),
        ({"vector": 0.05, "none": -0.03}, "adjusted by Holm, it is too high against none."),
        ({"vector": 0.05, "none": 0.0}, "it is not shown to be low enough against none; and, adjusted by Holm"),
    ],
)
def test_every_verdict_says_what_decides_and_what_is_found_does_not_repeat_the_list(
    invent_variants: Invent, worse: Mapping[str, float], decides: str
) -> None:
    verdict = lowest("claim", runs_of(PLAN, invent_variants(PLAN, worse)), "width", BOUNDS)
    assert f"What decides: {decides}" in verdict.why
    assert verdict.why.endswith(verdict.found[verdict.found.index("What decides: ") :])
    assert "against 2 others, and reaches highest against none: " in verdict.found
    assert "against vector: " in verdict.why
    assert "vector" not in verdict.found


@pytest.mark.parametrize(("sign", "answer"), [(1, "holds"), (-1, "cannot tell")])
def test_below_all_needs_no_adjustment_and_above_one_does(invent_variants: Invent, sign: int, answer: str) -> None:
    """Seeds with gaps of 2, 3 and 4%: an interval of one comparison leaves zero out, one of two by Holm does not."""
    records = [
        one if "gate=scalar" in one.cell.settings else worse(one, sign * (0.02 + 0.01 * one.cell.seed))
        for one in invent_variants(PLAN, {}, noise=0.0)
    ]
    runs = runs_of(PLAN, records)
    found = [one for one in against_reference(runs, "width", BOUNDS).values() if one]
    assert [is_clear(one.plain) for one in found] == [True, True]
    assert [is_clear(one.adjusted) for one in found] == [False, False]
    verdict = lowest("claim", runs, "width", BOUNDS)
    assert verdict.answer == answer
    unclear = "it is not shown to be low enough against vector, none; and, adjusted by Holm"
    decides = "each interval by itself is low enough." if sign == 1 else unclear
    assert f"What decides: {decides}" in verdict.why


def worse(record: Record, by: float) -> Record:
    if record.eval_loss is None:
        return record
    loss = dataclasses.replace(record.eval_loss, after=record.eval_loss.after * math.exp(by))
    return dataclasses.replace(record, eval_loss=loss)


def is_clear(one: MeanInterval) -> bool:
    return one.low is not None and one.high is not None and (one.low > 0 or one.high < 0)


def test_seeds_are_the_unit(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {}))
    counts = {one.plain.count for one in against_reference(runs, "memory", BOUNDS).values() if one}
    assert counts == {3}


def test_what_is_allowed_is_taken_off_where_it_decides_and_not_where_it_is_shown(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {"vector": -0.02, "none": 0.05}, noise=0.0005))
    allowed = lowest("claim", runs, "width", BOUNDS, allowed={"vector": 0.03}, answers=ANSWERS["paper"])
    assert allowed.answer == "reproduced"
    assert "against vector: +2." in allowed.why
    less = runs_of(PLAN, invent_variants(PLAN, {"vector": 0.0, "none": 0.05}, noise=0.01))
    unclear = lowest("claim", less, "width", BOUNDS, allowed={"vector": 0.001}, answers=ANSWERS["paper"])
    assert "low enough against vector (up to 0.1% above is allowed); and" in unclear.why
    too_little = lowest("claim", runs, "width", BOUNDS, allowed={"vector": 0.01}, answers=ANSWERS["paper"])
    assert too_little.answer == "not reproduced"


def test_a_variant_that_takes_more_bytes_than_the_reference_ever_has_leaves_it_open(invent_variants: Invent) -> None:
    worse, much = {"vector": 0.05, "none": 0.05}, {"none": 8.0}
    runs = runs_of(PLAN, invent_variants(PLAN, worse, bytes_of=much))
    verdict = lowest("claim", runs, "memory", BOUNDS)
    assert verdict.answer == "cannot tell"
    assert "against none: not comparable" in verdict.why
    assert lowest("claim", runs, "width", BOUNDS).answer == "holds"


@pytest.mark.parametrize(
    ("worse", "noise", "answer"),
    [
        ({"vector": 0.003, "none": -0.003}, 0.0005, "holds"),
        ({"vector": 0.003, "none": -0.03}, 0.0005, "does not hold"),
        ({"vector": 0.003, "none": 0.0105}, 0.0005, "cannot tell"),
        ({}, 0.05, "cannot tell"),
    ],
)
def test_what_matters_less_than_the_margin_is_equivalent(
    invent_variants: Invent, worse: Mapping[str, float], noise: float, answer: str
) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, worse, noise=noise))
    verdict = equivalent("gate", runs, BOUNDS)
    assert verdict.answer == answer
    assert "90% t intervals over 3 seeds" in verdict.why


@pytest.mark.parametrize(
    ("worse", "noise", "said"),
    [
        ({"vector": 0.003}, 0.0005, "loss within 1% of vector, none"),
        ({"vector": 0.03}, 0.0005, "loss within 1% of none; loss further than 1% from vector"),
        ({}, 0.05, "not shown to be within 1% of vector, none"),
    ],
)
def test_what_is_said_of_an_equivalence_is_what_was_tested(
    invent_variants: Invent, worse: Mapping[str, float], noise: float, said: str
) -> None:
    records = invent_variants(PLAN, worse, noise=noise)
    assert said_of_equivalence(runs_of(PLAN, records), BOUNDS) == said
    assert said_of_equivalence(runs_of(PLAN, records[:-1]), BOUNDS) == "not shown to be within 1% of vector, none"


@pytest.mark.parametrize(
    "decide", [lambda runs: lowest("c", runs, "width", BOUNDS), lambda r: equivalent("c", r, BOUNDS)]
)
def test_missing_cells_are_counted(invent_variants: Invent, decide: Callable[[Runs], Verdict]) -> None:
    verdict = decide(runs_of(PLAN, invent_variants(PLAN, {})[:-4]))
    assert (verdict.answer, verdict.basis) == ("cannot tell", None)
    assert verdict.why == "3 of 27 cells have no result yet."


def test_what_is_said_of_a_default_names_the_others_by_what_is_shown(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {"vector": 0.05}))
    assert said_of(against_reference(runs, "width", BOUNDS)) == "lower loss than vector; not told apart from none"
    below, above, unclear = MeanInterval(-2, -3, -1, 3), MeanInterval(2, 1, 3, 3), MeanInterval(0, -1, 1, 3)
    found = {"a": None, "b": Compared(below, unclear), "c": Compared(above, unclear), "d": Compared(above, above)}
    assert said_of(found) == (
        "beaten by d; lower, but not after Holm's adjustment, than b; higher, but not after Holm's adjustment, than "
        "c; not told apart from a"
    )


def test_what_is_compared_is_the_family_of_the_differences(invent_variants: Invent) -> None:
    runs = runs_of(PLAN, invent_variants(PLAN, {"vector": 0.02}))
    family = {name: list(differences(runs, "time", "scalar", name).values()) for name in ("vector", "none")}
    assert against_reference(runs, "time", BOUNDS) == compare_all(family, 0.95)
