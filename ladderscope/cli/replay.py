"""``ladderscope replay``: check the allocator's model against recorded memory histories."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("replay")
@click.argument("snapshots", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a list of results as JSON on stdout instead of a table.")
def command(snapshots: tuple[Path, ...], as_json: bool) -> None:
    """Replay recorded memory histories through the model of the CUDA caching allocator.

    SNAPSHOTS are PyTorch's memory snapshots (.pickle) or their compact form (.json, .json.gz). Only the requests are
    replayed, sizes and frees; every address and every segment is compared with what was recorded. Needs no GPU.
    Histories that ladderscope predicted, such as those of `explain --snapshot`, are named as such.

    \b
    Examples:
      ladderscope replay snapshot.pickle
      ladderscope replay traces/*.json.gz --json
    """
    from dataclasses import asdict

    from ladderscope.memory.replay import read_traces, replay

    results = [replay(trace) for path in snapshots for trace in read_traces(path)]
    if as_json:
        click.echo(json.dumps([{**asdict(result), "exact": result.is_exact} for result in results], indent=1))
        return

    from rich.console import Console

    from ladderscope.memory.replay.table import print_replays

    print_replays(results, Console())
