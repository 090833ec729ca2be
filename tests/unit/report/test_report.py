from __future__ import annotations

import dataclasses
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.errors import UsageError
from ladderscope.records import Record
from ladderscope.report.data import collect
from ladderscope.report.figures import FIGURES, render_figures
from ladderscope.report.folder import write_report
from ladderscope.report.headline import headline
from ladderscope.report.provenance import environment, limits

RecordFactory = Callable[..., Record]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports") / "report"


@pytest.fixture
def report(folder: Path, sample_records: list[Record]) -> Path:
    """The report of the sample records, written once for this module."""
    return folder / "report.html" if folder.exists() else write_report(sample_records, folder)


@pytest.fixture
def single(folder: Path, make_record: RecordFactory) -> Path:
    """The folder of a report of one record, written once for this module; not to be written to."""
    out = folder.parent.with_name("single")
    return out if out.exists() else write_report([make_record("ladder")], out).parent


def test_a_report_is_a_page_its_markdown_and_its_figures(report: Path) -> None:
    figures = {f"{figure.name}.{suffix}" for figure in FIGURES for suffix in ("png", "svg")}

    assert sorted(path.name for path in report.parent.iterdir()) == ["figures", "report.html", "report.md"]
    assert {path.name for path in (report.parent / "figures").iterdir()} == figures
    assert [path.name for path in report.parent.parent.iterdir()] == ["report"]


def test_the_page_needs_nothing_from_outside(report: Path) -> None:
    page = report.read_text()

    assert not re.search(r"https?://", page)
    assert "<script" not in page
    assert set(re.findall(r'(?:src|href)="([^"]{0,26})', page)) == {"data:image/svg+xml;base64,"}


def test_what_an_error_says_cannot_become_markup(report: Path) -> None:
    assert "&lt;requested&gt;" in report.read_text()
    assert "&lt;requested>" in report.with_suffix(".md").read_text()


def test_markdown_points_at_figures_that_exist(report: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", report.with_suffix(".md").read_text())

    assert len(links) == len(FIGURES)
    assert all((report.parent / link).is_file() for link in links)


def test_figures_are_large_enough_to_read(report: Path) -> None:
    for png in (report.parent / "figures").glob("*.png"):
        width, height = struct.unpack(">II", png.read_bytes()[16:24])
        assert width >= 1000
        assert height >= 300


def test_the_page_says_what_it_must(report: Path) -> None:
    page = " ".join(report.read_text().split())

    for sentence in (
        "no equivalence test",
        "too few runs (3) to tell how runs vary",
        "No run has more than 16 steps",
        "qlora r=8, 512 tokens (predicted)",
        "Hatched bars are predicted",
        "The code had uncommitted changes",
        "RuntimeError: shapes (2, 3) and (4, 5) do not match",
    ):
        assert sentence in page


def test_the_headline_gives_gain_and_loss_at_the_longest_shared_length(sample_records: list[Record]) -> None:
    count, memory, cost, quality = headline(collect(sample_records))

    assert count == "20 records: 18 ok, 1 oom, 1 error; 1 of them predicted, not measured."
    assert memory.startswith("smollm2-135m at 512 tokens, measured on cpu: ladder 1/")
    assert "trained, nf4 backbone, lr " in memory
    assert "times the FLOPs and 0.55 times the seconds" in cost
    assert quality.startswith("After 16 steps the held-out loss went from 2.310 to")


def test_a_measured_cell_is_never_compared_with_a_predicted_one(
    make_record: RecordFactory, make_predicted: Callable[[Record], Record]
) -> None:
    records = [make_record("ladder"), make_predicted(make_record("qlora"))]

    assert len(headline(collect(records))) == 1


def test_losses_on_random_weights_are_not_presented_as_results(make_record: RecordFactory) -> None:
    records = [dataclasses.replace(make_record(method), weights="random") for method in ("qlora", "ladder")]
    data = collect(records)

    assert headline(data)[-1] == "The weights are random, so the losses say nothing about either method."
    assert limits(data)[0] == "Random weights: the loss says nothing about a method."
    captions = {figure.name: figure.caption for figure in render_figures(data)}
    assert "Random weights" in captions["loss_by_step"]
    assert "Random weights" in captions["loss_by_compute"]


def test_records_without_an_environment_are_fine(make_record: RecordFactory) -> None:
    assert environment([make_record("qlora", env={})]) == {}
    assert environment([make_record("qlora", env={"versions": {"torch": "2.11"}, "commit": None})]) == {
        "versions.torch": "2.11"
    }


def test_a_single_record_makes_a_report(single: Path) -> None:
    assert "1 record: 1 ok." in (single / "report.html").read_text()


def test_only_failed_records_make_a_report_without_figures(make_failed: RecordFactory, tmp_path: Path) -> None:
    page = write_report([make_failed("full", 512, "oom", "CUDA out of memory")], tmp_path / "failed")

    assert "CUDA out of memory" in page.read_text()
    assert list((page.parent / "figures").iterdir()) == []


def test_no_record_is_a_usage_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no record"):
        write_report([], tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_a_new_report_replaces_the_old_one_and_keeps_other_files(
    single: Path, make_failed: RecordFactory, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    shutil.copytree(single, out)
    assert list((out / "figures").iterdir())
    (out / "notes.txt").write_text("mine")

    write_report([make_failed("full", 512, "oom", "CUDA out of memory")], out)

    assert (out / "notes.txt").read_text() == "mine"
    assert sorted(path.name for path in out.iterdir()) == ["figures", "notes.txt", "report.html", "report.md"]
    assert list((out / "figures").iterdir()) == []


def test_a_failure_while_drawing_leaves_nothing_behind(
    make_record: RecordFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr("ladderscope.report.folder.render_figures", fail)
    with pytest.raises(RuntimeError, match="no ink"):
        write_report([make_record("ladder")], tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_the_same_records_give_the_same_files(single: Path, make_record: RecordFactory) -> None:
    drawn = render_figures(collect([make_record("ladder")]))

    assert drawn
    for figure in drawn:
        assert (single / "figures" / f"{figure.name}.png").read_bytes() == figure.png
        assert (single / "figures" / f"{figure.name}.svg").read_bytes() == figure.svg
