from __future__ import annotations

import random

from ladderscope.regression.baseline import Baseline
from ladderscope.regression.check import updated, verdicts_of
from ladderscope.regression.natural_order import natural_key
from ladderscope.regression.run import Taken
from tests.unit.regression.verdicts import make_entry

IN_ORDER = [
    "random:gpt2 ladder 1/8 512 tokens, predicted for t4-16gb",
    "random:gpt2 ladder 1/16 512 tokens, predicted for t4-16gb",
    "random:gpt2 lora r=8 64 tokens, lr 0.001, measured on a CPU",
    "random:gpt2 lora r=8 64 tokens, lr 0.01, measured on a CPU",
    "random:gpt2 lora r=8 128 tokens, predicted for t4-16gb",
    "random:gpt2 lora r=8 2048 tokens, predicted for t4-16gb",
    "random:gpt2 lora r=16 64 tokens, predicted for t4-16gb",
    "random:gpt2-medium full 64 tokens, predicted for t4-16gb",
    "random:qwen3-2b full 64 tokens, predicted for t4-16gb",
    "random:qwen3-10b full 64 tokens, predicted for t4-16gb",
]


def test_numbers_are_in_the_order_of_numbers_and_models_together() -> None:
    shuffled = random.Random(0).sample(IN_ORDER, len(IN_ORDER))
    assert sorted(shuffled, key=natural_key) == IN_ORDER


def test_any_two_names_can_be_compared_in_one_way() -> None:
    names = ["", "7", "a", "7a", "a7", "07", " 7", "a 07", "a 7", "9" * 5000, "²"]
    backwards = names[::-1]
    assert sorted(names, key=natural_key) == sorted(backwards, key=natural_key)


def test_verdicts_of_a_check_and_of_an_update_come_in_that_order() -> None:
    taken = Taken(errors=dict.fromkeys(IN_ORDER[::-1], "it broke"))
    assert [verdict.name for verdict in verdicts_of(IN_ORDER[::-1], {}, taken, {})] == IN_ORDER
    old = Baseline(cells={name: make_entry(name) for name in IN_ORDER[::2]})
    _, verdicts = updated(old, Taken(errors=dict.fromkeys(IN_ORDER[1::2], "it broke")), IN_ORDER[::2], {})
    assert [verdict.name for verdict in verdicts] == IN_ORDER
