"""``ladderscope fit-scaling``: fit scaling laws to the records of one or more ledgers."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("fit-scaling")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--x",
    type=click.Choice(["compute", "tokens", "params", "trainable", "seq-len"]),
    default="compute",
    show_default=True,
    help="What grows: compute in the method's own FLOPs, tokens, all or trainable parameters, sequence length.",
)
@click.option(
    "--y",
    type=click.Choice(["loss", "peak-allocated"]),
    default="loss",
    show_default=True,
    help="What is explained: loss in nats per token, or peak allocated memory in bytes.",
)
@click.option("--by", default="method", show_default=True, help="The cell setting that gets a curve per value.")
@click.option("--json", "as_json", is_flag=True, help="Print the fit as JSON on stdout instead of a table.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the fit as JSON to this file.")
def command(runs: tuple[Path, ...], x: str, y: str, by: str, as_json: bool, out: Path | None) -> None:
    """Fit a scaling law to the records in RUNS, one curve for each method.

    Loss is fitted with L = E + B x^-lambda, peak memory with M = c0 + c1 x. The training run is the unit of
    statistics: intervals come from resampling runs, and fewer than 4 runs of a method give no interval.

    \b
    Examples:
      ladderscope fit-scaling runs.jsonl --x compute --y loss --out fit.json
      ladderscope fit-scaling runs.jsonl --x seq-len --y peak-allocated
      ladderscope fit-scaling a.jsonl b.jsonl --x tokens --by rank --json
    """
    from rich.console import Console

    from ladderscope.ledger import read_ledgers
    from ladderscope.scaling import fit_scaling, print_fit, write_fit

    fit = fit_scaling(read_ledgers(runs), x=x, y=y, by=by)
    if out is not None:
        write_fit(fit, out)
    if as_json:
        click.echo(json.dumps(fit.to_json(), indent=1, allow_nan=False))
        return
    console = Console(stderr=True)
    print_fit(fit, console)
    if out is not None:
        click.echo(f"Wrote {out}", err=True)
