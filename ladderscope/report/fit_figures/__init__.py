"""The figures of a scaling fit, one per file. A new figure is one file and one entry in :data:`FIT_FIGURES`."""

from __future__ import annotations

import textwrap
from pathlib import Path

from ladderscope.errors import UsageError
from ladderscope.report.figures.spec import FigureSpec, render_all
from ladderscope.report.figures.style import Drawing, RenderedFigure
from ladderscope.report.fit_figures import (
    allocation,
    comparison,
    curves,
    isoflop,
    predicted,
    profiles,
    reducible,
    residuals,
)
from ladderscope.scaling.results.scaling_fit import ScalingFit

CAPTION_LETTERS_PER_INCH = 15

__all__ = ["FIT_FIGURES", "render_fit_figures", "write_fit_figures"]


FIT_FIGURES: tuple[FigureSpec[ScalingFit], ...] = (
    FigureSpec("fit", "Fit", curves.draw),
    FigureSpec("predicted", "Predicted against measured", predicted.draw),
    FigureSpec("reducible", "Reducible loss", reducible.draw),
    FigureSpec("residuals", "Residuals", residuals.draw),
    FigureSpec("profiles", "Profiles", profiles.draw),
    FigureSpec("comparison", "Comparison of slopes", comparison.draw),
    FigureSpec("isoflop", "IsoFLOP curves", isoflop.draw),
    FigureSpec("allocation", "Compute-optimal allocation", allocation.draw),
)


def render_fit_figures(fit: ScalingFit) -> list[RenderedFigure]:
    """Every figure that ``fit`` has data for."""
    return render_all(FIT_FIGURES, fit, finish=_write_caption)


def _write_caption(drawing: Drawing) -> None:
    """Under the figure: these files stand alone, where nothing else would say what bands and shades are."""
    width = int(drawing.figure.get_figwidth() * CAPTION_LETTERS_PER_INCH)
    drawing.figure.supxlabel(
        textwrap.fill(drawing.caption, width), x=0.01, ha="left", fontsize=8, color="#444444", parse_math=False
    )


def write_fit_figures(fit: ScalingFit, folder: Path) -> list[Path]:
    """Write every figure that ``fit`` has data for into ``folder``, as PNG and SVG.

    Returns:
        The files that were written. Figures of an earlier fit that this one has no data for are removed.

    Raises:
        UsageError: ``folder`` cannot be written.
    """
    figures = render_fit_figures(fit)
    contents = {f"{f.name}.{suffix}": content for f in figures for suffix, content in (("png", f.png), ("svg", f.svg))}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for spec in FIT_FIGURES:
            for suffix in ("png", "svg"):
                if f"{spec.name}.{suffix}" not in contents:
                    (folder / f"{spec.name}.{suffix}").unlink(missing_ok=True)
        for name, content in contents.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write figures to {folder}: {error.strerror}. Choose another folder.") from error
    return [folder / name for name in contents]
