"""Writing what the ledgers say: READMEs, figures and the page. The same ledgers give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ladderscope.errors import UsageError
from ladderscope.studies.findings import Figure, Findings
from ladderscope.studies.folder import Study
from ladderscope.studies.page import page_text
from ladderscope.studies.readme import readme_text
from ladderscope.whole_files import write_atomically

README, FIGURES = "README.md", "figures"
_SUFFIXES = (".svg", ".png")


def page_path(root: Path) -> Path:
    """The page that belongs to the studies below ``root``: under ``reports/`` beside it."""
    return root.resolve().parent / "reports" / "papers" / README


def findings_of(study: Study) -> Findings | None:
    """What the committed ledger says; None where there is none."""
    records = study.records()
    return study.analyse(records) if records else None


def write_study(study: Study, findings: Findings | None) -> Path:
    """Write README and figures of a study; figures that it has no more are removed.

    Raises:
        UsageError: findings that do not answer the claims, or files that cannot be written.
    """
    text = readme_text(study, study.records(), findings)
    _write_figures(study.folder / FIGURES, findings.figures if findings else [])
    path = study.folder / README
    write_atomically(path, text, "--studies")
    return path


def write_page(studies: Sequence[Study], root: Path) -> Path:
    """Write the page of all studies.

    Raises:
        UsageError: as :func:`write_study`.
    """
    path = page_path(root)
    write_atomically(path, page_text([(study, findings_of(study)) for study in studies], path), "--studies")
    return path


def figure_files(figures: Sequence[Figure]) -> dict[str, bytes]:
    """Name of a file -> its content; an SVG and a PNG of each figure."""
    from ladderscope.report.figures.style import Drawing, new_figure, rendered, report_style

    files: dict[str, bytes] = {}
    with report_style():
        for figure in figures:
            canvas = new_figure(*figure.inches)
            figure.draw(canvas)
            done = rendered(figure.name, figure.title, Drawing(canvas, figure.whole_caption))
            files |= {f"{figure.name}.svg": done.svg, f"{figure.name}.png": done.png}
    return files


def _write_figures(folder: Path, figures: Sequence[Figure]) -> None:
    files = figure_files(figures)
    try:
        if files:
            folder.mkdir(exist_ok=True)
        for old in sorted(folder.glob("*")):
            if old.suffix in _SUFFIXES and old.name not in files:
                old.unlink()
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {folder}: {error.strerror}. Choose another --studies.") from error
