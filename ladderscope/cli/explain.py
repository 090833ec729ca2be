"""``ladderscope explain``: what takes the memory of a training step, and why one needs more than another."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from ladderscope.cli.cell_options import GPU_HELP, axes_of, axis, cell_options
from ladderscope.errors import UsageError
from ladderscope.records import DEFAULT_GPU

if TYPE_CHECKING:
    from ladderscope.explain.answer import Answer
    from ladderscope.memory.predict.gpus import Gpu
    from ladderscope.records import Cell

DEFAULT_METHOD = "qlora"
GENERATION = "generation"
PHASES = ("load", "evaluation", "first step", "steady step", GENERATION)

_HELP = """Explain what takes the memory of a training step, or with --diff why one needs more than another.

The step is traced without a GPU and without reading weights: all figures are predictions. The tree shows what is
allocated at the peak by category, block of the model, module and operation; its parts sum to it to the byte.

\b
Examples:
  ladderscope explain --model random:llama-2-7b --method qlora --rank 16 --seq-len 2048
  ladderscope explain --model random:llama-2-7b --method qlora --method ladder --diff
  ladderscope explain --method lora --gpu rtx-4090-24gb --phase "first step" --top 10
  ladderscope explain --method ladder --batch-size 8 --phase generation --generate 128
  ladderscope explain --record runs.jsonl#0123456789abcdef --figure memory.png
  ladderscope explain --record "node-*.jsonl#01234567"
  ladderscope explain --method ladder --snapshot step.pickle --json

\b
Exit codes: 0 explained (also where the cell does not fit), 1 it failed, 2 wrong use, 130 interrupted.
"""


class _Phase(click.Choice[str]):
    name = "phase"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(str(value).replace("-", " "), param, ctx)


@click.command("explain", help=_HELP)
@cell_options(default_methods=DEFAULT_METHOD)
@click.option("--record", "records", multiple=True, metavar="LEDGER[#CELL_ID]", help="Explain the cell of a record.")
@axis("--gpu", help=f"What to predict for: {GPU_HELP}.  [default: {DEFAULT_GPU}]")
@click.option(
    "--phase",
    type=_Phase(PHASES),
    default="steady step",
    show_default=True,
    help="Whose peak to explain; generation is of 32 tokens where --generate says nothing.",
)
@click.option("--diff", "is_difference", is_flag=True, help="Compare two cells: repeat one option with two values.")
@click.option("--depth", type=click.IntRange(1, 4), help="Levels of the tree.  [default: 3, and all with --json]")
@click.option("--top", type=click.IntRange(min=0), default=0, help="Show this many of the largest allocations.")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON, in bytes.")
@click.option("--figure", type=click.Path(path_type=Path), help="Draw memory over the phase: .png or .svg.")
@click.option("--snapshot", type=click.Path(path_type=Path), help="Write a PyTorch memory snapshot.")
def command(
    records: tuple[str, ...],
    gpu: tuple[str, ...],
    phase: str,
    is_difference: bool,
    depth: int | None,
    top: int,
    as_json: bool,
    figure: Path | None,
    snapshot: Path | None,
    **options: Any,
) -> None:
    """See ``_HELP``."""
    from ladderscope.cli.bar import preparing

    if snapshot is not None and is_difference:
        raise UsageError("--snapshot writes the trace of one cell: leave --diff out.")
    grid = axes_of(options)
    with preparing(Console(stderr=True)):
        from ladderscope.explain.cells import generating, pairs_of
        from ladderscope.explain.figure import check_figure_path, render_figure

        if figure is not None:
            check_figure_path(figure)
        cells, gpus = _from_records(records, grid, gpu) if records else _from_options(grid, gpu)
        cells = [generating(cell) for cell in cells] if phase == GENERATION else cells
        pairs = pairs_of(cells, gpus, is_difference)
    answers = _answers(pairs, phase, top)
    if figure is not None:
        _write(figure, lambda: figure.write_bytes(render_figure(answers, figure.suffix)))
    if snapshot is not None:
        _write(snapshot, lambda: answers[0].trace.save_snapshot(snapshot))
    if as_json:
        click.echo(json.dumps(_json(answers, depth), indent=2))
    else:
        _print(answers, depth)


def _from_options(grid: dict[str, list[Any]], gpus: tuple[str, ...]) -> tuple[list[Cell], list[Gpu]]:
    from ladderscope.memory.predict.gpus import find_gpu
    from ladderscope.sweep.grid import resolve_cells

    return resolve_cells({"method": [DEFAULT_METHOD]}, grid), [find_gpu(name) for name in gpus or (DEFAULT_GPU,)]


def _from_records(
    references: tuple[str, ...], grid: dict[str, list[Any]], gpus: tuple[str, ...]
) -> tuple[list[Cell], list[Gpu]]:
    from ladderscope.explain.cells import checked, record_of
    from ladderscope.memory.predict.gpus import find_gpu

    if grid:
        option = "set" if "settings" in grid else next(iter(grid)).replace("_", "-")
        raise UsageError(f"--record says what the cell is: leave --{option} out.")
    found = [record_of(reference) for reference in references]
    predicted_for = [record.gpu for record in found if record.meter == "predict" and record.gpu]
    names = gpus or predicted_for[:1] or (DEFAULT_GPU,)
    return [checked(record.cell) for record in found], [find_gpu(name) for name in names]


def _answers(pairs: list[tuple[Cell, Gpu]], phase: str, top: int) -> list[Answer]:
    from ladderscope.cli.explain_progress import ExplainProgress
    from ladderscope.explain.answer import answer_of
    from ladderscope.predict import predict_cell

    answers = []
    with ExplainProgress(Console(stderr=True), len(pairs)) as progress, progress.stops_on_interrupt():
        for number, (cell, gpu) in enumerate(pairs):

            def advance(fraction: float, done: int = number) -> None:
                progress.tick(done + fraction)

            prediction = predict_cell(cell, gpu, advance)
            answers.append(answer_of(prediction, gpu, phase, top))
    return answers


def _json(answers: list[Answer], depth: int | None) -> dict[str, Any]:
    from ladderscope.explain.difference import difference_of
    from ladderscope.explain.tree import cut

    if len(answers) == 1:
        return answers[0].to_json(depth)
    a, b = (answer.tree if depth is None else cut(answer.tree, depth) for answer in answers)
    sides = {name: answer.to_json(depth) for name, answer in zip("ab", answers, strict=True)}
    return {"predicted": True, **sides, "difference": difference_of(a, b).to_json()}


def _print(answers: list[Answer], depth: int | None) -> None:
    from ladderscope.explain.text import DEPTH, print_answer, print_difference

    console = Console(highlight=False)
    if len(answers) == 1:
        print_answer(answers[0], console, depth or DEPTH)
    else:
        print_difference(answers[0], answers[1], console, depth or DEPTH)


def _write(path: Path, write: Callable[[], Any]) -> None:
    try:
        write()
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}. Give another name.") from error
    click.echo(f"Wrote {path}", err=True)
