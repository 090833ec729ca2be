from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ladderscope.scaling.allocation import allocate
from ladderscope.scaling.fitting.objective import Objective
from ladderscope.scaling.settings import FitSettings
from ladderscope.scaling.table import ScalingTable
from tests.unit.scaling.allocation.made_up import MakeTable, best_size, loss_of, table_of

SETTINGS = FitSettings(resamples=60)
NO_INTERVALS = FitSettings(resamples=0)


def test_the_closed_form_of_the_law_is_recovered(budgets_table: MakeTable) -> None:
    found = allocate("parametric", budgets_table(0.3, 0.4), NO_INTERVALS, budgets=[1e20])

    assert found.params_exponent.value == pytest.approx(4 / 7, abs=1e-4)
    assert found.tokens_exponent.value == pytest.approx(3 / 7, abs=1e-4)
    (optimum,) = found.optima
    n = best_size(1e20, 0.3, 0.4)
    assert optimum.params.value == pytest.approx(n, rel=1e-3)
    assert optimum.tokens.value == pytest.approx(1e20 / 6 / n, rel=1e-3)
    assert optimum.loss == pytest.approx(float(loss_of(np.array(n), np.array(1e20 / 6 / n), 0.3, 0.4)), rel=1e-5)


def test_no_other_split_of_the_budget_has_a_lower_loss(budgets_table: MakeTable) -> None:
    found = allocate("parametric", budgets_table(0.3, 0.4), NO_INTERVALS, budgets=[1e19])

    n = (found.optima[0].params.value or 0) * np.geomspace(0.5, 2, 201)
    assert np.argmin(loss_of(n, 1e19 / (6 * n), 0.3, 0.4)) == 100


def test_intervals_contain_the_truth(budgets_table: MakeTable) -> None:
    found = allocate("parametric", budgets_table(0.3, 0.4, noise=0.002), SETTINGS, budgets=[1e20])

    exponent, size = found.params_exponent, found.optima[0].params
    assert exponent.low is not None
    assert exponent.high is not None
    assert exponent.low < 4 / 7 < exponent.high
    assert size.low is not None
    assert size.high is not None
    assert size.low < best_size(1e20, 0.3, 0.4) < size.high


def test_the_cost_of_a_token_is_the_tables(budgets_table: MakeTable) -> None:
    table = budgets_table()
    dearer = replace(table, frame=table.frame.assign(C=table.frame["C"] * 1.5))

    found = allocate("parametric", dearer, NO_INTERVALS, budgets=[1e20])

    assert found.optima[0].params.value == pytest.approx(best_size(1e20 / 1.5, 0.34, 0.34), rel=1e-3)
    assert any("C = 9 N D was used" in note for note in found.notes)


def test_a_cost_that_varies_is_told(budgets_table: MakeTable) -> None:
    table = budgets_table()
    uneven = replace(table, frame=table.frame.assign(C=table.frame["C"] * np.linspace(1, 1.3, len(table.frame))))

    found = allocate("parametric", uneven, NO_INTERVALS)

    assert any("not constant: it goes from 6 to 7.8" in note for note in found.notes)


def test_without_compute_six_flops_are_taken_for_a_parameter_and_a_token(budgets_table: MakeTable) -> None:
    table = budgets_table()

    found = allocate("parametric", table_of(table.frame.drop(columns="C"), "ND"), NO_INTERVALS, budgets=[1e20])

    assert found.optima[0].params.value == pytest.approx(best_size(1e20, 0.34, 0.34), rel=1e-3)
    assert any("no C: C = 6 N D" in note for note in found.notes)


def test_losses_that_rise_with_size_and_tokens_are_refused(budgets_table: MakeTable) -> None:
    table = budgets_table()
    rising = replace(table, frame=table.frame.assign(y=table.frame["D"] ** 0.01 * table.frame["N"] ** 0.01))

    found = allocate("parametric", rising, NO_INTERVALS)

    assert found.reason is not None
    assert "did not fall" in found.reason
    assert not found.optima


def test_hoffmanns_points_give_the_exponent_of_the_replication(epoch_table: ScalingTable) -> None:
    """Besiroglu et al. 2024 (arXiv:2404.10102): alpha .34731, beta .36717 under Huber's objective, a near one half."""
    settings = FitSettings(objective=Objective(delta=1e-3), resamples=200)

    found = allocate("parametric", epoch_table, settings)

    exponent = found.params_exponent
    assert exponent.value == pytest.approx(0.36717 / (0.34731 + 0.36717), abs=2e-5)
    assert exponent.low is not None
    assert exponent.high is not None
    assert 0.46 < exponent.low < 0.5 < 0.53 < exponent.high < 0.58
