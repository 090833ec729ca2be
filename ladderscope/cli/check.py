"""``ladderscope check``: compare what cells take with a reviewed baseline."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ladderscope.cli.cell_options import GPU_HELP
from ladderscope.cli.check_errors import annotate_error, told_of_errors
from ladderscope.records import DEFAULT_GPU

DEFAULT_BASELINE = "ladderscope-baseline.json"
"""As in ``ladderscope.regression``, of which nothing is imported out of :func:`command`'s care for errors."""

_HELP = """Check that no cell needs more memory than its reviewed baseline says.

The baseline is a file of your project: make it with --update, review it, commit it. A check predicts its cells again,
without a GPU, or measures them with --meter, and compares. What grew beyond its threshold is a regression, which is
named with the modules and operations whose bytes grew.

\b
Examples:
  ladderscope check --update --grid grid.yaml --gpu rtx-4090-24gb
  ladderscope check
  ladderscope check --fail-on peak_allocated:0 --fail-on peak_reserved:2% --fail-on activations:16MiB
  ladderscope check --select ladder --select 'method=qlora,seq_len=512' --junit memory.xml
  ladderscope check --update --grid grid.yaml --meter cuda --repeat 5

\b
Exit codes: 0 fine, 1 a regression, 2 wrong use, 3 something could not be measured or has no baseline (and nothing
regressed), 130 interrupted.
"""


@click.command("check", help=_HELP)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    default=DEFAULT_BASELINE,
    show_default=True,
    help="What to compare with.",
)
@click.option("--update", is_flag=True, help="Write what is now to the baseline, and show what changed and why.")
@click.option(
    "--grid",
    "grids",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Cells in YAML, as for profile.",
)
@click.option(
    "--select",
    "patterns",
    multiple=True,
    metavar="PATTERN",
    help="Part of a name, or as method=ladder,seq_len=512.",
)
@click.option("--meter", default="predict", show_default=True, help="predict; cpu or cuda: measured.")
@click.option(
    "--gpu",
    "gpus",
    multiple=True,
    help=f"What to predict for: {GPU_HELP}.  [default: as in the file, or {DEFAULT_GPU}]",
)
@click.option(
    "--fail-on", multiple=True, metavar="METRIC:LIMIT", help="Threshold, over the file's: flops:1%, other:1MiB."
)
@click.option("--repeat", type=click.IntRange(min=1), help="Measurements per cell.  [default: as in the baseline]")
@click.option("--jobs", type=click.IntRange(min=1), help="Cells at a time.  [default: 1; predicted: one per core]")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds after which a cell is ended.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout instead of a table.")
@click.option("--markdown", type=click.Path(path_type=Path), help="Write the result as Markdown.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write the result as JUnit XML.")
@click.option("--github/--no-github", default=None, help="Annotations and job summary.  [default: in GitHub Actions]")
def command(
    baseline: Path,
    update: bool,
    grids: tuple[Path, ...],
    patterns: tuple[str, ...],
    meter: str,
    gpus: tuple[str, ...],
    fail_on: tuple[str, ...],
    repeat: int | None,
    jobs: int | None,
    timeout: float | None,
    as_json: bool,
    markdown: Path | None,
    junit: Path | None,
    github: bool | None,
) -> int:
    """See ``_HELP``."""
    on_github = in_github_actions() if github is None else github

    def tell(message: str) -> None:
        if on_github:
            annotate_error(message, on_stderr=as_json)

    with told_of_errors(tell):
        from ladderscope.cli.check_outputs import Outputs
        from ladderscope.cli.check_run import check, update_baseline
        from ladderscope.regression.request import Request

        outputs = Outputs(as_json, markdown, junit, on_github)
        request = Request(
            baseline=baseline,
            grids=grids,
            patterns=patterns,
            meter=meter,
            gpus=gpus,
            fail_on=fail_on,
            repeat=repeat,
            jobs=jobs,
            timeout=timeout,
        )
        if update:
            outputs.refuse_files()
            return update_baseline(request, outputs)
        outputs.refuse_unwritable()
        return check(request, outputs)


def in_github_actions() -> bool:
    """Whether a runner of GitHub is what runs this."""
    return os.environ.get("GITHUB_ACTIONS") == "true"
