"""Writing the report: into a folder beside the wanted one first, so that a failure leaves nothing half written."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ladderscope.errors import UsageError
from ladderscope.records import Record
from ladderscope.report.data import collect
from ladderscope.report.figures import FIGURES, RenderedFigure, render_figures
from ladderscope.report.page import render_pages


def write_report(records: Sequence[Record], out: Path) -> Path:
    """Write ``report.html``, ``report.md`` and ``figures/`` into ``out`` and return the path of the HTML page.

    Other files in ``out`` are left alone; a report that was there before is replaced.

    Raises:
        UsageError: there is no record, or ``out`` cannot be written.
    """
    if not records:
        raise UsageError("the ledger holds no record, so there is nothing to report: run `ladderscope profile` first.")
    try:
        _check_writable(out)
        data = collect(records)
        figures = render_figures(data)
        pages = render_pages(data, figures)
        _replace(out, pages, figures)
    except OSError as error:
        raise UsageError(f"cannot write the report to {out}: {error.strerror}. Choose another --out.") from error
    return out / "report.html"


def _check_writable(out: Path) -> None:
    """Fail now rather than after the fits, and leave no trace."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is not a folder: choose another --out.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with _scratch(out):
        pass


def _scratch(out: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder on the file system of ``out``, so that moving files into place is one step each."""
    return tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out if out.exists() else out.parent)


def _replace(out: Path, pages: dict[str, str], figures: Sequence[RenderedFigure]) -> None:
    with _scratch(out) as name:
        fresh = Path(name) / "report"
        (fresh / "figures").mkdir(parents=True)
        for file_name, text in pages.items():
            (fresh / file_name).write_text(text, encoding="utf-8")
        for figure in figures:
            (fresh / "figures" / f"{figure.name}.png").write_bytes(figure.png)
            (fresh / "figures" / f"{figure.name}.svg").write_bytes(figure.svg)
        if out.exists():
            _move_files(fresh, out)
        else:
            shutil.move(fresh, out)


def _move_files(fresh: Path, out: Path) -> None:
    (out / "figures").mkdir(exist_ok=True)
    for spec in FIGURES:
        for suffix in ("png", "svg"):
            old = out / "figures" / f"{spec.name}.{suffix}"
            if not (fresh / "figures" / old.name).exists():
                old.unlink(missing_ok=True)
    for path in sorted(fresh.rglob("*")):
        if path.is_file():
            path.replace(out / path.relative_to(fresh))
