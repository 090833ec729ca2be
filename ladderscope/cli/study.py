"""``ladderscope study``: the papers' claims, as studies that anyone can run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from ladderscope.studies.definition import Claim
    from ladderscope.studies.findings import Verdict
    from ladderscope.studies.folder import Study
    from ladderscope.terminal_columns import Column

_STUDIES = click.option(
    "--studies",
    "root",
    type=click.Path(path_type=Path),
    default=Path("studies"),
    show_default=True,
    help="The folder that holds the studies.",
)
ALL = "all"
CANNOT_BE_READ = "cannot be read"
_WHAT_IS_CLAIMED = "what is claimed"
_ANSWER_CELLS, _BASIS_CELLS = 15, 11
"""On a line of the table: ``not reproduced:`` and ``measured on``, so that there is room for what is claimed."""


@dataclass(frozen=True)
class _Row:
    """A claim in the list: what ``--json`` says of it, and its answer as the table shows it."""

    values: dict[str, Any]
    answer: str


@click.group("study")
def command() -> None:
    """Check the papers' claims: each is a study with a rule, a grid, a ledger and a verdict.

    \b
    Examples:
      ladderscope study list
      ladderscope study run memory_7b_12gb --quick
      ladderscope study report all
    """


@command.command("list")
@_STUDIES
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def list_studies(root: Path, as_json: bool) -> None:
    """Show every study, its claims, and the verdicts that the committed ledgers give."""
    from rich.console import Console

    from ladderscope.studies.folder import find_studies

    rows: list[_Row] = []
    # Shown in terminals alone; a study that fits laws to its ledger takes some ten seconds.
    with Console(stderr=True).status("Reading the studies") as status:
        for study in find_studies(root):
            status.update(f"Analysing {study.name}")
            rows += _verdict_rows(study)
    if as_json:
        click.echo(json.dumps([row.values for row in rows], indent=2))
    else:
        _print_rows(rows, Console())
    for why in dict.fromkeys(row.values["why"] for row in rows if row.values["verdict"] == CANNOT_BE_READ):
        click.echo(why, err=True)


def _print_rows(rows: list[_Row], console: Console) -> None:
    """As a table, or line by line where study, claim and verdict do not fit beside each other."""
    from ladderscope.terminal_columns import has_room, print_columns, say_hidden

    columns = _columns(rows)
    if has_room(columns, console):
        print_columns(columns, console, "")
        return
    for row in rows:
        answer = ", ".join(filter(None, (row.answer, row.values["basis"])))
        console.print(f"{row.values['study']}\n  {row.values['claim']}\n    {answer}", markup=False, highlight=False)
    say_hidden([_WHAT_IS_CLAIMED], console)


def _verdict_rows(study: Study) -> list[_Row]:
    from ladderscope.errors import UsageError

    try:
        return _readable_rows(study)
    except UsageError as error:
        unread = {"verdict": CANNOT_BE_READ, **_details(None), "why": str(error)}
        return [_Row(_about(study, claim) | unread, CANNOT_BE_READ) for claim in study.definition.claims]


def _readable_rows(study: Study) -> list[_Row]:
    from ladderscope.studies.findings import verdicts_by_claim
    from ladderscope.studies.plain import plain_answer
    from ladderscope.studies.readme import answer_of
    from ladderscope.studies.report import findings_of

    findings, claims = findings_of(study), study.definition.claims
    verdicts = {} if findings is None else verdicts_by_claim(findings, claims, study.name)
    return [
        _Row(
            _about(study, claim) | {"verdict": answer_of(verdict := verdicts.get(claim.id)), **_details(verdict)},
            plain_answer(claim, verdict),
        )
        for claim in claims
    ]


def _about(study: Study, claim: Claim) -> dict[str, Any]:
    return {
        "study": study.name,
        "claim": claim.id,
        "kind": claim.kind,
        "text": claim.text,
        "rule_after_results": claim.rule_after_results,
    }


def _details(verdict: Verdict | None) -> dict[str, Any]:
    """What a verdict says beside its answer; without one, nothing under each name."""
    if verdict is None:
        return dict.fromkeys(("direction", "basis", "found", "why"))
    return {
        "direction": verdict.direction or None,
        "basis": verdict.basis,
        "found": verdict.found or verdict.why,
        "why": verdict.why,
    }


def _columns(rows: list[_Row]) -> list[Column]:
    from ladderscope.terminal_columns import Column
    from ladderscope.terminal_wrapping import wrapped

    def column(header: str, cells: list[str], rank: int, least: int | None = None) -> Column:
        return Column(header, cells, rank, numeric=False, least=least)

    return [
        column("study", [row.values["study"] for row in rows], 0),
        column("claim", [row.values["claim"] for row in rows], 0),
        column("verdict", [wrapped(row.answer, _ANSWER_CELLS) for row in rows], 0),
        column("numbers", [wrapped(row.values["basis"] or "-", _BASIS_CELLS) for row in rows], 1),
        column(_WHAT_IS_CLAIMED, [row.values["text"] for row in rows], 2, least=24),
    ]


@command.command("run")
@click.argument("name")
@_STUDIES
@click.option("--quick", is_flag=True, help="Run a part into quick.jsonl, and compare it with the committed ledger.")
@click.option("--jobs", type=click.IntRange(min=1), help="Cells at a time.  [default: 1; predicted: one per core]")
@click.option("--retry-failed", is_flag=True, help="Run those cells again that ended with an error or a timeout.")
def run_study(name: str, root: Path, quick: bool, jobs: int | None, retry_failed: bool) -> int:
    """Run the study NAME into its ledger; what the ledger holds already is not run again.

    A quick run starts afresh.

    \b
    Exit codes: 0 every cell has its answer, 1 some cell failed or a quick run is further off than
    the quick-tolerance of study.yaml, 2 wrong use, 130 interrupted.
    """
    from ladderscope.cli.study_run import run
    from ladderscope.studies.folder import find_study

    return run(find_study(root, name), quick=quick, jobs=jobs, retry_failed=retry_failed)


@command.command("report")
@click.argument("name")
@_STUDIES
def report(name: str, root: Path) -> None:
    """Rewrite README and figures of the study NAME, or of `all`, and the page of all verdicts, from the ledgers."""
    from ladderscope.studies.folder import find_studies, find_study
    from ladderscope.studies.report import findings_of, write_page, write_study

    studies = find_studies(root)
    for study in studies if name == ALL else [find_study(root, name)]:
        click.echo(f"Wrote {write_study(study, findings_of(study))}", err=True)
    click.echo(f"Wrote {write_page(studies, root)}", err=True)
