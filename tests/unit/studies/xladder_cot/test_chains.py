"""The task: problems, what is written of their chains, and what is kept from training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import Any

import pytest


@pytest.fixture(scope="module")
def chains(module: Callable[[str], Any]) -> Any:
    return module("chains")


@pytest.fixture(scope="module")
def problem(chains: Any) -> Any:
    """7 + 2 is 9, times 3 is 7, minus 3 is 4, times 9 is 6."""
    return chains.Problem(7, ("+2", "*3", "-3", "*9"))


def test_a_chain_is_computed_from_left_to_right_modulo_ten(problem: Any) -> None:
    assert problem.values == [9, 7, 4, 6]


@pytest.mark.parametrize(
    ("granularity", "solution"),
    [(1, "A +2 9 B *3 7 C -3 4 D *9 6"), (2, "B *3 7 D *9 6"), (4, "D *9 6")],
)
def test_a_solution_writes_the_value_after_every_gth_operation(problem: Any, granularity: int, solution: str) -> None:
    assert problem.prompt == "7 A +2 B *3 C -3 D *9 ="
    assert problem.solution(granularity) == solution


def test_a_granularity_that_would_leave_the_answer_out_is_refused(problem: Any) -> None:
    with pytest.raises(ValueError, match="4 operations cannot be written 3 at a time"):
        problem.solution(3)


def test_lengths_are_those_of_the_texts(problem: Any, chains: Any) -> None:
    assert chains.tokens_of_prompt(4) == len(problem.prompt.split())
    for granularity in (1, 2, 4):
        assert chains.tokens_written(4, granularity) == len(problem.solution(granularity).split()) + 1


def test_every_operation_has_an_inverse_so_that_no_answer_is_likelier(chains: Any) -> None:
    for operation in chains.OPERATIONS:
        assert len({chains.applied(operation, value) for value in range(10)}) == 10
    answers = Counter(one.values[-1] for one in islice(chains.problems(8, 0), 5000))
    assert all(400 < answers[digit] < 600 for digit in range(10))


def test_the_order_of_operations_matters(chains: Any) -> None:
    assert chains.Problem(1, ("+1", "*3")).values[-1] != chains.Problem(1, ("*3", "+1")).values[-1]


def test_the_tests_are_different_problems_and_nobody_trains_on_them(chains: Any) -> None:
    tests = [one for granularity in (1, 3) for one in chains.test_problems(3, granularity)]
    assert len(set(tests)) == len(tests) == 2 * 600
    # There are 7,290 problems of three operations, so that the stream would soon come across some of the test.
    trained = set(islice(chains.training_problems(3, 5), 5000))
    assert not trained & set(tests)
    assert set(islice(chains.problems(3, 5), 5000)) & set(tests)


def test_a_seed_decides_the_order(chains: Any) -> None:
    one, again, other = (list(islice(chains.training_problems(8, seed), 5)) for seed in (3, 3, 4))
    assert one == again != other


def test_the_text_to_pretrain_on_is_written_in_full_and_all_its_tokens_are_known(chains: Any) -> None:
    lines = [line.split() for line in chains.text_to_pretrain_on(200, 0).splitlines()]
    assert len(lines) == 200
    assert {len(line) for line in lines} == {chains.TOKENS_OF_LINE}
    assert {token for line in lines for token in line} <= set(chains.TOKENS)
    lengths = [(line.index(chains.EQUALS) - 1) // 2 for line in lines]
    assert set(lengths) == set(range(1, 9))
    for line, operations in zip(lines, lengths, strict=True):
        problem = chains.Problem(int(line[0]), tuple(line[2 : 2 * operations + 1 : 2]))
        assert " ".join(line).rstrip(" ;") == f"{problem.prompt} {problem.solution(1)}"


@pytest.mark.parametrize(
    ("tokens", "answer"), [("B +1 4 D +2 6 ;", "6"), ("B +1 4 D", None), ("B +1 ;", None), (";", None), ("4 ; 5", "4")]
)
def test_the_answer_is_the_last_digit_before_the_end(chains: Any, tokens: str, answer: str | None) -> None:
    assert chains.last_value(tokens.split()) == answer


def test_the_name_of_the_data_says_how_the_chain_is_written(chains: Any) -> None:
    assert chains.chain_of(chains.data_name(8, 4)) == (8, 4)
