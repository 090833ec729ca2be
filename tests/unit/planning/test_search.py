"""The boundary is found, whatever the bytes do between, and with few predictions where they lie on a line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ladderscope.planning.forecasts import Fit
from ladderscope.planning.search import largest_that_fits
from ladderscope.records import Cell, Phase

CELL = Cell(model="random:tiny-llama", method="lora", rank=4)
USABLE = 1000


def _fit(allocated: int, fits: bool | None = None) -> Fit:
    if fits is None:
        fits = allocated <= USABLE
    phases = {"load": Phase(peak_allocated_bytes=100, peak_reserved_bytes=100)}
    phases["steady step"] = Phase(peak_allocated_bytes=allocated, peak_reserved_bytes=allocated)
    return Fit(CELL, USABLE, phases, None if fits else min(allocated, USABLE), ())


def _search(bytes_at: Callable[[int], int], asked: int, most: int = 1000) -> tuple[int, list[int]]:
    predicted: list[int] = []

    def fit_at(size: int) -> Fit:
        predicted.append(size)
        return _fit(bytes_at(size))

    asked_fit = _fit(bytes_at(asked))
    found = largest_that_fits(fit_at, most, {asked: asked_fit}, hint=(asked, asked_fit))
    assert len(set(predicted)) == len(predicted)
    return found, [*predicted, asked]


@pytest.mark.parametrize("asked", [1, 5, 44, 45, 46, 300])
def test_on_a_line_the_boundary_is_confirmed_on_both_sides_with_three_predictions(asked: int) -> None:
    found, predicted = _search(lambda size: 100 + 20 * size, asked)
    assert found == 45
    assert {45, 46} <= set(predicted)
    assert len(predicted) <= 4


@pytest.mark.parametrize("asked", [1, 7, 60])
@pytest.mark.parametrize(
    "bytes_at",
    [
        lambda size: 100 + size**2,
        lambda size: 100 + 300 * (size // 10),
        lambda size: 100 + int(200 * size**0.4),
        lambda size: 900 if size < 100 else 2000,
    ],
)
def test_off_a_line_the_boundary_is_found_too(bytes_at: Callable[[int], int], asked: int) -> None:
    found, predicted = _search(bytes_at, asked)
    assert bytes_at(found) <= USABLE < bytes_at(found + 1)
    assert {found, found + 1} <= set(predicted)
    assert len(predicted) <= 16


def test_nothing_fits() -> None:
    assert _search(lambda size: 2000 + size, asked=3)[0] == 0


def test_all_that_is_of_interest_fits() -> None:
    found, predicted = _search(lambda size: 100 + size, asked=1, most=50)
    assert (found, sorted(predicted)) == (50, [1, 50])


def test_what_is_lost_in_cached_segments_is_learnt_from_the_prediction_that_ran_out() -> None:
    """Memory runs out at 800 allocated bytes of 1000."""

    def fit_at(size: int) -> Fit:
        predicted.append(size)
        fit = _fit(100 + 20 * size, fits=100 + 20 * size <= 800)
        return fit if fit.fits else Fit(CELL, USABLE, fit.phases, 800, ())

    predicted: list[int] = []
    asked = Fit(CELL, USABLE, _fit(2100).phases, 800, ())
    assert largest_that_fits(fit_at, 1000, {100: asked}, hint=(100, asked)) == 35
    assert sorted(predicted) == [35, 36]


def test_a_hint_beside_the_sizes_leads_to_the_boundary_and_bounds_nothing() -> None:
    predicted: list[int] = []

    def fit_at(size: int) -> Fit:
        predicted.append(size)
        return _fit(100 + 20 * size)

    assert largest_that_fits(fit_at, 1000, {}, hint=(20.5, _fit(510))) == 45
    assert sorted(predicted) == [45, 46]
