"""From records to the text of a page: one context, an HTML and a Markdown template."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import jinja2

from ladderscope import __version__
from ladderscope.records import Record
from ladderscope.report.data import ModelFits, ReportData
from ladderscope.report.figures import RenderedFigure
from ladderscope.report.headline import headline
from ladderscope.report.many import PAGE_ROWS, SEE_ALL
from ladderscope.report.provenance import CATEGORY_MEANINGS, environment, limits, settings_used
from ladderscope.report.summary import error_columns, summary_of
from ladderscope.report.tables import MISSING, failure_columns, result_columns
from ladderscope.scaling.columns import group_columns, slope_columns
from ladderscope.scaling.results.scaling_fit import ScalingFit
from ladderscope.scaling.sentences import lines_below
from ladderscope.terminal_columns import Column


def render_pages(data: ReportData, figures: Sequence[RenderedFigure]) -> dict[str, str]:
    """File name -> text of the page."""
    templates = _jinja()
    context = _context(data, figures)
    return {
        "report.html": templates.get_template("report.html.j2").render(context),
        "report.md": templates.get_template("report.md.j2").render(context),
    }


def _context(data: ReportData, figures: Sequence[RenderedFigure]) -> dict[str, Any]:
    return {
        "version": __version__,
        "headline": headline(data),
        **_results(data.records),
        **_failures(data.failed),
        "figures": figures,
        "on_fits": data.on_runs,
        "fits": [section for fits in data.fits for section in _fit_sections(fits)],
        "settings": settings_used(data.records),
        "environment": environment(data.records),
        "limits": limits(data),
        "categories": {name.replace("_", " "): meaning for name, meaning in CATEGORY_MEANINGS.items()},
    }


def _results(records: Sequence[Record]) -> dict[str, Any]:
    """The table of results: of each record, or summed up where there are too many to read."""
    if len(records) <= PAGE_ROWS:
        columns, sentence = result_columns(records), ""
    else:
        summary = summary_of(records, PAGE_ROWS)
        columns, sentence = summary.columns, summary.sentence
    return {"results": [column for column in columns if set(column.cells) != {MISSING}], "on_results": sentence}


def _failures(failed: Sequence[Record]) -> dict[str, Any]:
    if not failed:
        return {"failures": None, "on_failures": ""}
    if len(failed) <= PAGE_ROWS:
        return {"failures": failure_columns(failed), "on_failures": ""}
    columns = error_columns(failed, PAGE_ROWS)
    sentence = f"{len(failed):,} cells by error, the {len(columns[0].cells)} most frequent first; {SEE_ALL}."
    return {"failures": columns, "on_failures": sentence}


def _fit_sections(fits: ModelFits) -> list[dict[str, Any]]:
    found = (fits.loss_by_compute, fits.memory_by_length)
    return [_fit_section(fits.model, fit) for fit in found if fit is not None]


def _fit_section(model: str, fit: ScalingFit) -> dict[str, Any]:
    parameters = {name: estimate for group in fit.groups for name, estimate in group.fit.parameters.items()}
    units = [
        f"{name}: {estimate.meaning}" + (f", in {estimate.unit}" if estimate.unit != "1" else "")
        for name, estimate in parameters.items()
    ]
    return {
        "title": f"{model}: {fit.y.label} against {' and '.join(axis.label for axis in fit.x)}",
        "formula": fit.formula,
        "parameters": units,
        "groups": group_columns(fit),
        "pairs": slope_columns(fit) if any(pair.slopes for pair in fit.comparisons) else None,
        "lines": lines_below(fit),
    }


def _jinja() -> jinja2.Environment:
    found = jinja2.Environment(
        loader=jinja2.PackageLoader("ladderscope.report"),
        autoescape=jinja2.select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {"rows": _rows, "md": _md, "data_uri": _data_uri}
    return found


def _rows(columns: Sequence[Column]) -> list[tuple[tuple[str, Column], ...]]:
    """The table by rows, each cell with its column."""
    cells = zip(*(column.cells for column in columns), strict=True)
    return [tuple(zip(row, columns, strict=True)) for row in cells]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _md(text: str) -> str:
    """``text`` as a single line that Markdown shows as it is."""
    line = _one_line(text)
    for special in ("\\", "|", "*", "_", "`", "[", "]"):
        line = line.replace(special, f"\\{special}")
    return line.replace("&", "&amp;").replace("<", "&lt;")


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
