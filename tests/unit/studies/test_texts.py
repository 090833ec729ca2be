"""Numbers as studies show them."""

from __future__ import annotations

import math

from ladderscope.studies.intervals import MeanInterval
from ladderscope.studies.texts import against_text, interval_text, percent, share_text


def test_logarithms_of_ratios_are_shown_as_what_the_ratio_is_above_or_below_one() -> None:
    assert percent(math.log(1.1)) == "+10.0%"
    assert percent(math.log(0.5), digits=2) == "-50.00%"


def test_an_interval_has_its_ends_where_there_are_some() -> None:
    ends = MeanInterval(math.log(0.9), math.log(0.8), math.log(1.01), 3)
    assert interval_text(ends) == "-10.0% (-20.0% to +1.0%)"
    assert interval_text(ends, digits=2) == "-10.00% (-20.00% to +1.00%)"
    assert interval_text(MeanInterval(0.0, None, None, 1)) == "0.0%"


def test_what_rounds_to_zero_is_neither_above_nor_below_one() -> None:
    assert [percent(one) for one in (4e-4, 0.0, -0.0, -4e-4)] == ["0.0%"] * 4
    assert [percent(one, digits=2) for one in (4e-4, -4e-4)] == ["+0.04%", "-0.04%"]


def test_a_sentence_says_below_or_above() -> None:
    below, above = MeanInterval(math.log(0.9), math.log(0.8), math.log(1.01), 3), MeanInterval(0.1, None, None, 1)
    assert against_text(below, "QLoRA", 0.95) == "10.0% below that of QLoRA (95% interval -20.0% to +1.0%)"
    assert against_text(above, "QLoRA", 0.95) == "10.5% above that of QLoRA"
    assert against_text(MeanInterval(1e-5, None, None, 1), "QLoRA", 0.95) == "that of QLoRA"


def test_a_share_has_no_sign() -> None:
    assert [share_text(one) for one in (0.1, 0.01, 0.1234)] == ["10%", "1%", "12.3%"]
