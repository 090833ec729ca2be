from __future__ import annotations

import io
from collections.abc import Callable

import matplotlib.image
import numpy as np
import pytest

from ladderscope.explain.answer import Answer
from ladderscope.explain.figure import draw, render_figure
from ladderscope.explain.timeline import timeline_of
from ladderscope.predict import STEADY_STEP
from ladderscope.report.palette import CATEGORY_COLOURS

Explain = Callable[..., Answer]


@pytest.mark.parametrize("max_points", [7, 100, 10**6])
def test_the_timeline_keeps_the_peak_however_few_points_there_are(max_points: int, answer: Explain) -> None:
    trace = answer("qlora").trace
    timeline = timeline_of(trace, STEADY_STEP, max_points)
    peak = trace.peak(STEADY_STEP)
    assert timeline.peak_bytes == peak.allocated_bytes
    assert len(timeline.events) <= max_points
    at_peak = timeline.events.index(timeline.peak_at)
    shown = {name: sizes[at_peak] for name, sizes in timeline.by_category.items()}
    assert shown == {**dict.fromkeys(shown, 0), **peak.breakdown_bytes}
    assert [name for _, name in timeline.sections] == ["forward", "backward", "optimizer step"]


@pytest.mark.parametrize("methods", [("qlora",), ("qlora", "ladder")])
def test_a_png_shows_the_colours_of_what_there_is(methods: tuple[str, ...], answer: Explain) -> None:
    image = matplotlib.image.imread(io.BytesIO(render_figure([answer(method) for method in methods], ".png")))
    seen = {tuple(pixel) for pixel in np.round(image[..., :3] * 255).astype(int).reshape(-1, 3)[::3]}
    for category in ("workspace", "activations", "optimizer_state"):
        colour = CATEGORY_COLOURS[category].removeprefix("#")
        assert tuple(int(colour[place : place + 2], 16) for place in (0, 2, 4)) in seen


def test_an_svg_is_one(answer: Explain) -> None:
    assert b"<svg" in render_figure([answer("lora")], ".svg")[:1000]


def test_the_figure_says_that_it_is_predicted_and_marks_the_peak(answer: Explain) -> None:
    (axes,) = draw([answer("lora")]).axes
    assert "predicted" in axes.get_ylabel()
    assert "predicted for NVIDIA GeForce RTX 3060" in axes.get_title(loc="left") + axes.get_title()
    assert any(text.get_text().startswith("peak ") for text in axes.texts)
    # 11.6 GiB are far above the peak of a tiny model: no line for them.
    assert not any("usable by PyTorch" in text.get_text() for text in axes.texts)
