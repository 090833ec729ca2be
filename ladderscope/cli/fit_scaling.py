"""``ladderscope fit-scaling``: fit scaling laws to ledgers or tables, and compare methods."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ladderscope.cli.numbers import positive, reads, share, whole
from ladderscope.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from ladderscope.scaling.reading import TableRequest
    from ladderscope.scaling.results.scaling_fit import ScalingFit
    from ladderscope.scaling.settings import FitSettings

AUTO = "auto"
OBJECTIVES = ("huber", "ols", "lad")
APPROACHES = ("envelope", "isoflop", "parametric")

_HELP = """Fit a scaling law to TABLES, one curve for each method, and compare methods.

TABLES are ledgers of `ladderscope profile`, or tables as CSV, JSON lines or Parquet, told apart by what they hold.

Of ledgers --x is compute (C), tokens (D), params (N), trainable (T), seq-len (S) or rank (R); --y is loss, eval-loss,
peak-allocated or peak-reserved. Of tables they are roles (N, T, D, C, S, R, X; loss or memory), found by the names of
columns or named with --columns, or any column. Further roles are run, method, model, data, seed, budget, weight,
censored and status. A role can be an expression: D=flops/(6*params). Names with spaces stand in backticks.

The training run is the unit of statistics: checkpoints of one run are no independent points.

\b
Examples:
  ladderscope fit-scaling runs.jsonl --x compute --y loss --out fit.json
  ladderscope fit-scaling runs.jsonl --x compute --y eval-loss --compare ladder:qlora --margin 10%
  ladderscope fit-scaling runs.jsonl --x seq-len --y peak-allocated
  ladderscope fit-scaling a.jsonl b.jsonl --where method=qlora,ladder --x tokens --by rank --json
  ladderscope fit-scaling runs.csv --law chinchilla --columns N=params,D=tokens,loss=val_loss,run=run_id
  ladderscope fit-scaling sweep.parquet --where "N > 1e6 and method in ['lora', 'qlora']" --compare all

\b
Exit codes: 0 ok, 2 wrong use or data, 130 interrupted.
"""


@click.command("fit-scaling", help=_HELP)
@click.argument("tables", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--x", multiple=True, metavar="NAME", help="What grows; repeatable, or N,D.  [default: by the law, or compute]"
)
@click.option("--y", metavar="NAME", help="What is explained.  [default: loss]")
@click.option("--by", metavar="NAME", help="What gets a curve per value.  [default: method]")
@click.option("--columns", multiple=True, metavar="ROLE=COLUMN,...", help="Which columns of a table play which role.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Keep the points for which this holds, as in method=qlora,ladder or seq-len=512:4096; repeatable.",
)
@click.option("--weights", metavar="COLUMN", help="The column of weights of points.")
@click.option("--cluster", metavar="COLUMN", help="The column, or columns A,B, of the training run.  [default: run]")
@click.option("--law", default=AUTO, show_default=True, metavar="NAME", help="A law, auto, or your own: module:name.")
@click.option("--objective", default="huber", show_default=True, help=f"{', '.join(OBJECTIVES)}.")
@click.option("--huber-delta", metavar="NUMBER", callback=reads(positive), help="In log loss.  [default: measured]")
@click.option("--compare", multiple=True, metavar="A:B", help="Compare A's curve with B's; repeatable, or all.")
@click.option("--margin", default="10%", show_default=True, callback=reads(share), help="Of equivalent slopes.")
@click.option("--confidence", default="95%", show_default=True, callback=reads(share), help="Of intervals.")
@click.option("--resamples", default="400", show_default=True, callback=reads(whole(0)), help="Of each bootstrap.")
@click.option("--starts", default="6", show_default=True, callback=reads(whole(1)), help="Random starts of each fit.")
@click.option("--seed", default="0", show_default=True, callback=reads(whole(0)), help="Of starts and resamples.")
@click.option("--no-profiles", is_flag=True, help="Leave profile likelihoods out: faster.")
@click.option("--allocate", multiple=True, metavar="APPROACH", help=f"{', '.join(APPROACHES)}; repeatable.")
@click.option("--budget", multiple=True, metavar="FLOPS", callback=reads(positive), help="To allocate; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the fit as JSON to this file.")
@click.option("--figures", type=click.Path(path_type=Path), help="Write figures to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print the fit as JSON on stdout instead of a table.")
def command(
    tables: tuple[Path, ...],
    law: str,
    compare: tuple[str, ...],
    allocate: tuple[str, ...],
    budget: tuple[float, ...],
    out: Path | None,
    figures: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """See ``_HELP``."""
    approaches = _approaches(allocate, budget)
    _check_options(options, out, figures)
    from rich.console import Console

    from ladderscope.cli.bar import preparing
    from ladderscope.cli.fit_progress import FitProgress

    console = Console(stderr=True)
    with preparing(console, "Reading"):
        from ladderscope.scaling.arguments import pairs_in
        from ladderscope.scaling.reading import read_table

        pairs = pairs_in(compare)
        request, settings = _request(tables, law, options), _settings(options)
        table = read_table(tables, request)
        from ladderscope.scaling.fit import fit_scaling

    with FitProgress(console) as progress, progress.stops_on_interrupt():
        fit = fit_scaling(
            table,
            x=_axes(request) or None,
            law=law,
            settings=settings,
            compare=pairs,
            allocate=approaches,
            budgets=budget,
            on_progress=progress.tick,
        )
    _show(fit, console, out, figures, as_json)


def _approaches(names: tuple[str, ...], budgets: tuple[float, ...]) -> Any:
    for name in names:
        if name not in APPROACHES:
            raise UnknownNameError("approach to --allocate", name, APPROACHES)
    if budgets and not names:
        raise UsageError(f"--budget is what to allocate: say how with --allocate, {' or '.join(APPROACHES)}.")
    return list(dict.fromkeys(names))


def _check_options(options: dict[str, Any], out: Path | None, figures: Path | None) -> None:
    """What can be refused before anything is read, because a fit may take minutes."""
    objective = options["objective"]
    if objective not in OBJECTIVES:
        raise UnknownNameError("objective", objective, OBJECTIVES)
    if options["huber_delta"] is not None and objective != "huber":
        raise UsageError(
            f"--huber-delta belongs to --objective huber, and {objective} has none: leave one of them out."
        )
    if out is not None and (out.is_dir() or any(folder.is_file() for folder in out.parents)):
        raise UsageError(f"cannot write {out}: it is no place for a file. Choose another --out.")
    if figures is not None and any(folder.is_file() for folder in (figures, *figures.parents)):
        raise UsageError(f"cannot write to {figures}: it is no folder. Choose another --figures.")
    for path, folder, option in ((out, out and out.parent, "--out"), (figures, figures, "--figures")):
        if folder is not None and not os.access(_first_there(folder), os.W_OK | os.X_OK):
            raise UsageError(f"cannot write {path}: {_first_there(folder)} is not writable. Choose another {option}.")


def _first_there(folder: Path) -> Path:
    """The folder, or else the nearest around it that exists."""
    absolute = folder.absolute()
    return next(one for one in (absolute, *absolute.parents) if one.exists())


def _request(tables: tuple[Path, ...], law: str, options: dict[str, Any]) -> TableRequest:
    from ladderscope.scaling.arguments import names_in
    from ladderscope.scaling.reading import TableRequest, default_x
    from ladderscope.scaling.reading.columns import parse_columns

    x = names_in(options["x"])
    if not x and law == AUTO:
        x = default_x(tables, options["y"])
    return TableRequest(
        y=options["y"],
        x=x,
        by=options["by"],
        columns=parse_columns(options["columns"]),
        where=options["where"],
        weights=options["weights"],
        cluster=options["cluster"],
    )


def _axes(request: TableRequest) -> tuple[str, ...]:
    """The predictors that were asked for, by the names that they have in the table."""
    from ladderscope.scaling.reading import axis_name

    return tuple(dict.fromkeys(map(axis_name, request.x)))


def _settings(options: dict[str, Any]) -> FitSettings:
    from ladderscope.scaling.fitting.objective import Objective
    from ladderscope.scaling.settings import FitSettings

    return FitSettings(
        objective=Objective(kind=options["objective"], delta=options["huber_delta"]),
        starts=options["starts"],
        seed=options["seed"],
        confidence=options["confidence"],
        resamples=options["resamples"],
        profiles=not options["no_profiles"],
        margin=options["margin"],
    )


def _show(fit: ScalingFit, console: Any, out: Path | None, figures: Path | None, as_json: bool) -> None:
    from ladderscope.scaling.results.serial import fit_values, write_fit

    written = []
    if out is not None:
        write_fit(fit, out)
        written.append(out)
    if figures is not None:
        from ladderscope.report.fit_figures import write_fit_figures

        written += write_fit_figures(fit, figures)
    if as_json:
        click.echo(json.dumps(fit_values(fit), indent=1, allow_nan=False))
        return
    from ladderscope.scaling.terminal import print_fit

    print_fit(fit, console)
    for path in written:
        click.echo(f"Wrote {path}", err=True)
