from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.figure import Figure

from ladderscope.errors import UsageError
from ladderscope.report.figures.style import report_style
from ladderscope.report.fit_figures import (
    FIT_FIGURES,
    allocation,
    comparison,
    curves,
    isoflop,
    predicted,
    profiles,
    reducible,
    residuals,
    write_fit_figures,
)
from ladderscope.report.fit_figures.looks import COLOURS, looks_of, plain_ticks
from ladderscope.report.palette import METHOD_COLOURS
from ladderscope.scaling.results.scaling_fit import ScalingFit

Examples = dict[str, ScalingFit]


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with report_style():
        yield


def figure_of(drawing: object) -> Figure:
    assert drawing is not None
    figure: Figure = drawing.figure  # type: ignore[attr-defined]
    return figure


def n_points(figure: Figure, panel: int = 0) -> int:
    found = figure.axes[panel].collections
    return sum(len(np.asarray(c.get_offsets())) for c in found if isinstance(c, PathCollection))


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


@pytest.mark.parametrize(
    ("example", "names"),
    [
        ("one group", ["fit", "reducible", "residuals", "profiles"]),
        ("all pairs", ["fit", "reducible", "residuals", "profiles", "comparison"]),
        ("chinchilla", ["predicted", "residuals", "profiles", "isoflop", "allocation"]),
        ("memory", ["fit", "residuals", "profiles"]),
        ("not fitted", ["fit", "reducible", "residuals", "profiles"]),
    ],
)
def test_a_fit_gets_the_figures_that_it_has_data_for(
    scaling_examples: Examples, example: str, names: list[str]
) -> None:
    drawn = [spec.name for spec in FIT_FIGURES if spec.draw(scaling_examples[example]) is not None]

    assert drawn == names


def test_a_fit_without_groups_has_no_figures(scaling_examples: Examples) -> None:
    empty = replace(scaling_examples["one group"], groups=[])

    assert all(spec.draw(empty) is None for spec in FIT_FIGURES)


def test_every_axis_has_a_label_and_every_figure_a_caption(scaling_examples: Examples) -> None:
    for name in ("all pairs", "chinchilla", "memory"):
        fit = scaling_examples[name]
        for spec in FIT_FIGURES:
            drawing = spec.draw(fit)
            if drawing is None:
                continue
            assert drawing.caption.endswith(".")
            for axes in drawing.figure.axes:
                assert axes.get_xlabel(), spec.name
                assert axes.get_ylabel() or spec.name in ("profiles", "comparison"), spec.name


def test_labels_have_units(scaling_examples: Examples) -> None:
    loss = figure_of(curves.draw(scaling_examples["one group"])).axes[0]
    memory = figure_of(curves.draw(scaling_examples["memory"])).axes[0]
    sizes = figure_of(residuals.draw(scaling_examples["chinchilla"])).axes

    assert (loss.get_xlabel(), loss.get_ylabel()) == ("training compute (FLOP)", "held-out loss (nats per token)")
    assert (memory.get_xlabel(), memory.get_ylabel()) == ("sequence length (tokens)", "peak allocated memory (GiB)")
    assert [axes.get_xlabel() for axes in sizes[:2]] == ["parameters", "training tokens"]
    assert sizes[0].get_ylabel() == "residual (%)"


def test_a_fit_shows_every_point_two_bands_and_a_line_within_and_beyond_the_data(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    figure = figure_of(curves.draw(fit))
    axes = figure.axes[0]
    largest = max(group.fit.x_ranges["C"][1] for group in fit.groups)

    assert n_points(figure) == sum(group.fit.n_points for group in fit.groups)
    for group in fit.groups:
        lines = [line for line in axes.lines if line.get_color() == METHOD_COLOURS[group.name]]
        solid, dashed = (np.asarray(line.get_xdata(), dtype=float) for line in lines)
        assert [line.get_linestyle() for line in lines] == ["-", "--"]
        assert (solid[0], solid[-1]) == pytest.approx(group.fit.x_ranges["C"])
        assert (dashed[0], dashed[-1]) == pytest.approx((solid[-1], 2 * largest))
    bands = [found for found in axes.collections if isinstance(found, PolyCollection)]
    alphas = [found.get_alpha() for found in bands if np.isfinite(found.get_datalim(axes.transData).bounds).all()]
    assert alphas.count(curves.MEAN_ALPHA) >= len(fit.groups)
    assert alphas.count(curves.NEW_RUN_ALPHA) == len(fit.groups)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_a_law_of_the_user_ends_with_its_data(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    own = replace(fit.groups[0], fit=replace(fit.groups[0].fit, law="my_module:Law"))

    lines = figure_of(curves.draw(replace(fit, groups=[own]))).axes[0].lines

    assert [line.get_linestyle() for line in lines] == ["-"]


def test_the_legend_says_what_the_slope_is(scaling_examples: Examples) -> None:
    assert legend_of(figure_of(curves.draw(scaling_examples["not fitted"]))) == [
        "ladder: lambda = 0.086 [0.077, 0.095]",
        "my method: not fitted",
    ]


def test_memory_is_on_linear_axes_and_censored_points_are_arrows(scaling_examples: Examples) -> None:
    figure = figure_of(curves.draw(scaling_examples["memory"]))
    axes = figure.axes[0]

    assert (axes.get_xscale(), axes.get_yscale()) == ("linear", "linear")
    assert axes.get_ylim()[0] == 0
    arrows = [
        found for found in axes.collections if isinstance(found, PathCollection) and str(found.get_label())[0] == "_"
    ]
    assert [len(np.asarray(arrow.get_offsets())) for arrow in arrows] == [2]
    drawing = curves.draw(scaling_examples["memory"])
    assert drawing is not None
    assert "Arrows: at least that much, because memory ran out." in drawing.caption


def test_the_reducible_loss_of_a_power_law_is_a_straight_line(scaling_examples: Examples) -> None:
    (line,) = figure_of(reducible.draw(scaling_examples["one group"])).axes[0].lines
    x, y = np.log(np.asarray(line.get_xdata(), dtype=float)), np.log(np.asarray(line.get_ydata(), dtype=float))
    slope = np.polyfit(x, y, 1)[0]

    assert np.ptp(y - slope * x) < 1e-6
    exponent = scaling_examples["one group"].groups[0].fit.parameters["lambda"].value
    assert slope == pytest.approx(-exponent, rel=1e-6)


def test_points_at_or_below_the_offset_are_counted(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    group = fit.groups[0]
    points = group.fit.points
    assert points is not None
    sunk = replace(points, y=[1.0, *points.y[1:]])
    drawing = reducible.draw(replace(fit, groups=[replace(group, fit=replace(group.fit, points=sunk))]))

    assert n_points(figure_of(drawing)) == group.fit.n_points - 1
    assert drawing is not None
    assert "1 points lie at or below E" in drawing.caption


def test_an_offset_that_is_not_identified_is_not_drawn_as_known(scaling_examples: Examples) -> None:
    drawing = reducible.draw(scaling_examples["cannot tell"])

    assert legend_of(figure_of(drawing)) == ["ladder: E not identified"]
    assert drawing is not None
    assert "Where E is not identified" in drawing.caption


def test_residuals_have_a_panel_for_each_predictor_the_prediction_and_quantiles(scaling_examples: Examples) -> None:
    fit = scaling_examples["chinchilla"]
    figure = figure_of(residuals.draw(fit))

    assert len(figure.axes) == len(fit.x) + 2
    assert [n_points(figure, panel) for panel in range(4)] == [fit.groups[0].fit.n_points] * 4


def test_residuals_are_measured_less_predicted_in_percent(scaling_examples: Examples) -> None:
    fit = scaling_examples["one group"]
    points = fit.groups[0].fit.points
    assert points is not None
    (shown,) = (c for c in figure_of(residuals.draw(fit)).axes[0].collections if isinstance(c, PathCollection))

    relative = 100 * np.log(np.array(points.y) / np.array(points.predicted))
    assert np.asarray(shown.get_offsets())[:, 1] == pytest.approx(relative)


def test_censored_points_have_no_residual(scaling_examples: Examples) -> None:
    fit = scaling_examples["memory"]
    seen = sum(group.fit.n_points - group.fit.n_censored for group in fit.groups)

    assert n_points(figure_of(residuals.draw(fit))) == seen


def test_predictions_lie_around_the_diagonal(scaling_examples: Examples) -> None:
    fit = scaling_examples["chinchilla"]
    figure = figure_of(predicted.draw(fit))

    assert n_points(figure) == fit.groups[0].fit.n_points
    assert np.asarray(figure.axes[0].lines[0].get_xdata()) == pytest.approx(figure.axes[0].lines[0].get_ydata())


def test_profiles_have_a_panel_for_each_parameter_with_the_threshold_at_one(scaling_examples: Examples) -> None:
    fit = scaling_examples["all pairs"]
    figure = figure_of(profiles.draw(fit))

    assert [axes.get_xlabel().split(" ")[0] for axes in figure.axes] == ["lambda", "E", "B"]
    for axes in figure.axes:
        curved = [line for line in axes.lines if len(np.asarray(line.get_xdata())) > 2]
        assert len(curved) == len(fit.groups)
        assert any(np.all(np.asarray(line.get_ydata()) == 1) for line in axes.lines)


def test_a_comparison_has_a_row_for_each_interval_and_the_margin_behind_it(scaling_examples: Examples) -> None:
    fit = scaling_examples["all pairs"]
    figure = figure_of(comparison.draw(fit))
    axes = figure.axes[0]
    rows = [slope for pair in fit.comparisons for slope in pair.slopes if slope.equivalence_interval]

    assert [label.get_text() for label in axes.get_yticklabels()][:2] == [
        "ladder / qlora: local slope",
        "exponent, shared offset",
    ]
    assert [text.get_text() for text in axes.texts] == [slope.verdict for slope in rows]
    drawn = [tuple(np.asarray(line.get_xdata())) for line in axes.lines if len(np.asarray(line.get_xdata())) == 2]
    assert [ends for ends in drawn if ends[0] != ends[1]] == [slope.equivalence_interval for slope in rows]
    bands = [found.get_paths()[0].vertices for found in axes.collections if isinstance(found, PolyCollection)]
    assert all((np.min(b[:, 0]), np.max(b[:, 0])) == pytest.approx((0.9, 1.1)) for b in map(np.asarray, bands))


@pytest.mark.parametrize(("confidence", "interval"), [(0.95, "90%"), (0.99, "98%")])
def test_the_interval_of_a_ratio_is_called_by_its_confidence(
    scaling_examples: Examples, confidence: float, interval: str
) -> None:
    axes = figure_of(comparison.draw(replace(scaling_examples["all pairs"], confidence=confidence))).axes[0]

    assert axes.get_xlabel() == f"ratio of slopes, first / second, with its {interval} interval"


def test_an_interval_beyond_the_axis_ends_in_an_arrow(scaling_examples: Examples) -> None:
    fit = scaling_examples["inconclusive"]
    pair = fit.comparisons[0]
    endless = replace(pair.slopes[0], equivalence_interval=(-np.inf, np.inf))
    axes = figure_of(comparison.draw(replace(fit, comparisons=[replace(pair, slopes=[endless])]))).axes[0]

    assert {line.get_marker() for line in axes.lines} >= {4, 5}
    assert np.isfinite(axes.get_xlim()).all()


def test_isoflop_has_a_parabola_and_a_star_for_each_budget(scaling_examples: Examples) -> None:
    fit = scaling_examples["chinchilla"]
    parabolas = next(one.parabolas for one in fit.allocations if one.parabolas)
    figure = figure_of(isoflop.draw(fit))
    left, right = figure.axes

    assert n_points(figure) == sum(len(one.params) for one in parabolas)
    stars = [line for line in left.lines if line.get_marker() == "*"]
    assert [float(np.asarray(star.get_xdata())[0]) for star in stars] == [one.optimum.value for one in parabolas]
    for star, curve in zip(stars, (line for line in left.lines if line.get_marker() == "None"), strict=True):
        assert float(np.asarray(star.get_ydata())[0]) <= np.min(curve.get_ydata()) + 1e-9
    assert len([line for line in right.lines if line.get_marker() == "*"]) == len(parabolas)
    assert legend_of(figure)[0] == "10 EFLOP"


def test_allocation_has_a_line_for_each_approach_that_worked(scaling_examples: Examples) -> None:
    drawing = allocation.draw(scaling_examples["chinchilla"])
    legend = figure_of(drawing).axes[0].get_legend()

    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "isoflop: 0.510 [0.470, 0.550]",
        "parametric: 0.514 [0.490, 0.540]",
    ]
    assert drawing is not None
    assert "envelope: no run has checkpoints" in drawing.caption


@pytest.mark.parametrize(
    ("names", "colours"),
    [
        (["ladder", "qlora"], [METHOD_COLOURS["ladder"], METHOD_COLOURS["qlora"]]),
        (["ladder (cpu)", "qlora (predict)"], [METHOD_COLOURS["ladder"], METHOD_COLOURS["qlora"]]),
        (["qlora (cpu)", "qlora (predict)"], list(COLOURS[:2])),
        (["small", "large"], list(COLOURS[:2])),
    ],
)
def test_methods_have_their_colours_and_other_groups_get_some_by_turns(
    scaling_examples: Examples, names: list[str], colours: list[str]
) -> None:
    group = scaling_examples["one group"].groups[0]
    found = looks_of(replace(scaling_examples["one group"], groups=[replace(group, name=name) for name in names]))

    assert [found[name].colour for name in names] == colours
    assert len({looks.marker for looks in found.values()}) == 2


@pytest.mark.parametrize(("low", "high"), [(2.6, 4.3), (0.65, 2.4), (128, 4096), (1.02, 1.09), (3e8, 3e9)])
def test_a_short_log_axis_gets_round_ticks(low: float, high: float) -> None:
    ticks = plain_ticks(low, high, 7)

    assert 3 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)
    assert all(re.fullmatch(r"\d(\.\d{1,2})?e.*", f"{tick:.10e}".replace("0" * 8, "")) for tick in ticks)


def test_figures_are_written_as_png_and_svg_and_stale_ones_go(scaling_examples: Examples, tmp_path: Path) -> None:
    (tmp_path / "isoflop.png").write_bytes(b"of an earlier fit")
    (tmp_path / "mine.png").write_bytes(b"not ours")

    written = write_fit_figures(scaling_examples["memory"], tmp_path)

    names = {f"{name}.{suffix}" for name in ("fit", "residuals", "profiles") for suffix in ("png", "svg")}
    assert {path.name for path in written} == names
    assert {path.name for path in tmp_path.iterdir()} == names | {"mine.png"}
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_a_folder_that_cannot_be_written_is_one_sentence(scaling_examples: Examples, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    with pytest.raises(UsageError, match=r"cannot write figures to .*file: .*\. Choose another folder\."):
        write_fit_figures(replace(scaling_examples["one group"], groups=[]), blocked)
