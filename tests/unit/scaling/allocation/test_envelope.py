from __future__ import annotations

import pytest

from ladderscope.scaling.allocation import allocate
from ladderscope.scaling.settings import FitSettings
from tests.unit.scaling.allocation.made_up import MakeTable, best_size

SETTINGS = FitSettings(resamples=60)
NO_INTERVALS = FitSettings(resamples=0)


def test_the_envelope_of_training_curves_gives_the_exponents(curves_table: MakeTable) -> None:
    found = allocate("envelope", curves_table(), SETTINGS, budgets=[1e20])

    exponent = found.params_exponent
    assert exponent.value == pytest.approx(0.5, abs=0.01)
    assert exponent.low is not None
    assert exponent.high is not None
    assert exponent.low < 0.5 < exponent.high
    assert found.tokens_exponent.value == pytest.approx(1 - (exponent.value or 0), abs=1e-6)
    assert found.optima[0].params.value == pytest.approx(best_size(1e20, 0.34, 0.34), rel=0.05)


def test_unequal_exponents_are_found_too(curves_table: MakeTable) -> None:
    found = allocate("envelope", curves_table(0.36, 0.32, sizes=60), NO_INTERVALS)

    assert found.params_exponent.value == pytest.approx(0.32 / 0.68, abs=0.02)


def test_bins_are_told_and_those_without_smaller_and_larger_sizes_do_not_count(curves_table: MakeTable) -> None:
    found = allocate("envelope", curves_table(), NO_INTERVALS)

    assert found.notes[0].startswith("300 bins of compute")
    assert "245 of them, in which 22 runs win" in found.notes[0], "the smallest and the largest of 24 sizes never do"


def test_runs_of_one_point_are_no_training_curves(budgets_table: MakeTable) -> None:
    found = allocate("envelope", budgets_table(), NO_INTERVALS)

    assert found.params_exponent.value is None
    assert not found.optima
    assert found.reason is not None
    assert "0 of 28 runs have points at several computes" in found.reason


def test_sizes_that_never_overtake_each_other_show_no_optimum(curves_table: MakeTable) -> None:
    found = allocate("envelope", curves_table(sizes=3), NO_INTERVALS)

    assert found.reason is not None
    assert "train more sizes" in found.reason
