"""When one law is better than another, and when the data cannot tell."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ladderscope.scaling.choice.judged import Judged
from ladderscope.scaling.choice.verdict import Duel, duel

NOISE = 0.01


def law(errors: Sequence[float], aicc: Sequence[float]) -> list[Judged]:
    return [Judged(error, criterion, NOISE) for error, criterion in zip(errors, aicc, strict=True)]


def outcome(simpler: tuple[float, float], other: tuple[float, float]) -> Duel:
    """The duel of (held-out error, AICc) in one group."""
    return duel(law([simpler[0]], [simpler[1]]), law([other[0]], [other[1]]), NOISE)


def test_more_parameters_win_where_both_criteria_are_clear_for_them() -> None:
    assert outcome((0.08, 0.0), (0.01, -10.0)).winner == -1


@pytest.mark.parametrize(
    ("simpler", "other"),
    [
        pytest.param((0.08, 0.0), (0.01, -3.0), id="aicc is within noise"),
        pytest.param((0.08, 0.0), (0.07, -10.0), id="errors are within a ratio of 1.25"),
        pytest.param((0.015, 0.0), (0.001, -10.0), id="both errors are as small as the noise"),
    ],
)
def test_more_parameters_do_not_win_by_one_criterion(simpler: tuple[float, float], other: tuple[float, float]) -> None:
    assert outcome(simpler, other).winner == 0


def test_fewer_parameters_win_where_they_predict_clearly_better_and_aicc_is_not_against() -> None:
    assert outcome((0.01, 0.0), (0.08, 1.0)).winner == 1
    assert outcome((0.01, 0.0), (0.08, 8.0)).winner == 1


def test_the_penalty_of_aicc_alone_does_not_speak_for_fewer_parameters() -> None:
    assert outcome((0.01, 0.0), (0.011, 8.0)).winner == 0


def test_criteria_that_disagree_decide_nothing() -> None:
    found = outcome((0.01, 0.0), (0.08, -20.0))

    assert found.winner == 0
    assert found.disagree


def test_laws_that_come_to_the_same_are_a_tie() -> None:
    assert outcome((0.01, 0.0), (0.01, 0.0)) == Duel(0, 0)


def test_one_odd_group_of_many_does_not_decide_for_all() -> None:
    simpler = law([0.08, 0.08, 0.08, 0.08, 0.01, 0.01, 0.01], [1000.0, *[0.0] * 6])
    other = law([0.06, 0.06, 0.06, 0.06, 0.02, 0.02, 0.02], [0.0, *[1.0] * 6])

    found = duel(simpler, other, NOISE)

    assert found.winner == 0
    assert found.split


def test_six_groups_that_agree_decide() -> None:
    found = duel(law([0.012] * 6, [0.0] * 6), law([0.002] * 6, [-2.0] * 6), NOISE)

    assert found.winner == -1


def test_groups_without_a_difference_have_no_vote() -> None:
    """A larger law that is the smaller one at its optimum is no evidence for either."""
    simpler = law([0.08] * 8 + [0.01] * 20, [0.0] * 28)
    same_twenty_times = law([0.01] * 8 + [0.01] * 20, [0.0] * 28)

    assert duel(simpler, same_twenty_times, NOISE).by_error == 0
