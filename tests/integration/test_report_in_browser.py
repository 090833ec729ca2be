"""The HTML page in a real browser: tables arrive in the DOM and figures have a size."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from ladderscope.records import BREAKDOWN_CATEGORIES, Cell, EvalLoss, Flops, Memory, Params, Record
from ladderscope.report.folder import write_report

CHROMIUM = shutil.which("chromium")
N_FIGURES = 5

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium"),
]

MEASURE_IMAGES = """<script>
window.addEventListener("load", () => {
  for (const image of document.images) {
    image.setAttribute("data-size", image.naturalWidth + "x" + image.naturalHeight + "/" + image.clientWidth);
  }
});
</script></body>"""
"""Added to a copy of the page for the test only: the page itself holds no script."""


def record(method: str, seq_len: int) -> Record:
    return Record(
        cell=Cell(model="smollm2-135m", method=method, seq_len=seq_len),
        meter="cpu",
        status="ok",
        weights="pretrained",
        memory=Memory(
            peak_allocated_bytes=len(BREAKDOWN_CATEGORIES) * seq_len * 2**18,
            peak_reserved_bytes=None,
            peak_rss_bytes=2**30,
            breakdown_bytes=dict.fromkeys(BREAKDOWN_CATEGORIES, seq_len * 2**18),
        ),
        params=Params(trainable=2_000_000, total=135_000_000),
        flops=Flops(per_step=10**11, per_token=1e9, by_component={"head": 10**11}),
        loss=[1 + step**-0.5 for step in range(1, 17)],
        eval_loss=EvalLoss(before=2.3, after=1.4),
        step_seconds=[0.5] * 16,
        tokens_per_step=seq_len,
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records = [record(method, seq_len) for method in ("qlora", "ladder") for seq_len in (128, 256, 512)]
    return write_report(records, tmp_path_factory.mktemp("browser") / "report")


def chromium(page: Path, profile: Path, *options: str) -> str:
    assert CHROMIUM is not None
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
        *options,
        page.as_uri(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def test_tables_and_figures_arrive_in_the_dom(page: Path, tmp_path: Path) -> None:
    measured = tmp_path / "measured.html"
    measured.write_text(page.read_text().replace("</body>", MEASURE_IMAGES))

    dom = chromium(measured, tmp_path / "profile", "--window-size=1200,900", "--dump-dom")

    assert len(re.findall(r"<table", dom)) >= 4
    assert "<td>ladder, 512 tokens</td>" in dom
    sizes = [tuple(map(int, size)) for size in re.findall(r'data-size="(\d+)x(\d+)/(\d+)"', dom)]
    assert len(sizes) == N_FIGURES
    assert all(width > 300 and height > 100 and shown > 300 for width, height, shown in sizes)


def test_the_page_is_painted(page: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"

    chromium(page, tmp_path / "profile", "--window-size=1200,2000", f"--screenshot={picture}")

    content = picture.read_bytes()
    assert struct.unpack(">II", content[16:24]) == (1200, 2000)
    assert len(content) > 50_000  # an empty page of this size compresses to a few kilobytes
