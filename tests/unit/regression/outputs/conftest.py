from __future__ import annotations

import pytest

from ladderscope.regression.verdict import CheckResult, EntryVerdict
from tests.unit.regression.verdicts import failure, improvement, make_entry, make_result, regression, unchanged


@pytest.fixture
def mixed() -> CheckResult:
    """A check in which everything happens once."""
    return make_result(
        regression("a lora 512 tokens"),
        failure("b qlora 512 tokens"),
        EntryVerdict("c full 512 tokens", "missing", after=make_entry("c full 512 tokens")),
        improvement("d ladder 512 tokens"),
        unchanged("e lst 512 tokens"),
        seconds=3.25,
        unchecked={"measured on cuda": 2},
    )


@pytest.fixture
def interrupted() -> CheckResult:
    """A check that was stopped after the first of three."""
    return make_result(unchanged("a"), is_interrupted=True, not_run=("b | c", "d"))
