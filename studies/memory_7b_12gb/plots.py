"""The figure of the README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ladderscope.memory.predict.gpus import find_gpu
from ladderscope.report.palette import method_colour
from ladderscope.studies.bases import basis_of
from ladderscope.studies.chosen import peak_reserved
from ladderscope.studies.findings import Figure
from ladderscope.units import GIB

from .variants import BEST_LADDER, BEST_QLORA, CARDS, CHECKPOINTING, MODELS, Peaks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_STYLES = {
    "qlora": ("qlora", "-"),
    f"qlora, {CHECKPOINTING}": ("qlora", "--"),
    BEST_QLORA: ("qlora", ":"),
    "qst": ("qst", "-"),
    "xladder": ("xladder", "-"),
    "ladder": ("ladder", "-"),
    BEST_LADDER: ("ladder", ":"),
}


def length_figure(peaks: Peaks) -> Figure:
    """Memory against length, a panel per model."""

    def draw(canvas: Canvas) -> None:
        panels = canvas.subplots(1, len(MODELS), sharey=True, squeeze=False)[0]
        for axes, model in zip(panels, MODELS, strict=True):
            _panel(axes, model, peaks)
        panels[0].set_ylabel("reserved peak (GiB)")
        handles, labels = panels[-1].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper center", ncols=4)

    bases = frozenset(basis_of(record) for record in peaks.of.values())
    caption = (
        "For compute capability 8.6, adapters in fp32, both axes logarithmic. Grey lines: what the RTX 3070, 3060 and "
        "3090 leave to PyTorch."
    )
    return Figure("memory_length", "Reserved peak against row length", caption, draw, (11.0, 4.6), bases)


def _panel(axes: Axes, model: str, peaks: Peaks) -> None:
    lengths = peaks.lengths(model)
    for variant, (method, style) in _STYLES.items():
        points = [(n, record) for n in lengths if (record := peaks.of.get((model, variant, n))) and record.memory]
        sizes = [peak_reserved(record) / GIB for _, record in points]
        axes.plot([n for n, _ in points], sizes, style, color=method_colour(method), marker="o", ms=3, label=variant)
    for title, card in CARDS.items():
        usable = find_gpu(card).usable_bytes / GIB
        axes.axhline(usable, color="#999999", lw=0.8)
        if model == MODELS[-1]:
            axes.annotate(title, (1.01, usable), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_xticks(lengths, [f"{n:,}" for n in lengths], rotation=45)
    axes.set_yticks([4, 8, 16, 32, 64, 128, 256], ["4", "8", "16", "32", "64", "128", "256"])
    axes.set_title(model)
    axes.set_xlabel("tokens in a row")
