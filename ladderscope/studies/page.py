"""One page with the verdicts of all studies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study
from ladderscope.studies.markdown import one_line, table_text
from ladderscope.studies.readme import AFTER_RESULTS, AFTER_RESULTS_MEANS, basis_of, marked_answer

_HEAD = f"""# The papers' claims, and what came out

*Written by `ladderscope study report all` from the ledgers under `studies/`.*

Each claim has a study that anyone can run with one command, and a rule that decides; the study's README has the rule,
when it was written, what was known by then, and all numbers that decide.

*{AFTER_RESULTS.capitalize()}*: {AFTER_RESULTS_MEANS}. Some of the results that it decides on had been seen, so that
such a verdict counts for less.

*Predicted* numbers come from the simulated GPU, not from a run on a real one; a verdict that rests on predicted and on
measured numbers says both."""
_COLUMNS = ("study", "claim", "source", "verdict", "from numbers that are", "what we found")
_OWN = "## Our own questions\n\nNo paper claims these; they hold or they do not."


def page_text(found: Sequence[tuple[Study, Findings | None]], page: Path) -> str:
    """The page.

    Args:
        found: the studies, with None where one was not run yet.
        page: where the page will be; its links start there.

    Raises:
        UsageError: findings that do not answer the claims one by one.
    """
    tables = []
    for kind, heading in (("paper", ""), ("own", _OWN)):
        rows = [row for study, findings in found for row in _rows(study, findings, page.parent, kind)]
        tables += [part for part in (heading, table_text(_COLUMNS, rows)) if part] if rows else []
    return "\n\n".join([_HEAD, *tables]) + "\n"


def _rows(study: Study, findings: Findings | None, start: Path, kind: str) -> list[list[str]]:
    claims = study.definition.claims
    verdicts = {} if findings is None else verdicts_by_claim(findings, claims, study.name)
    target = Path(os.path.relpath(study.folder / "README.md", start)).as_posix()
    rows = []
    for claim in (one for one in claims if one.kind == kind):
        verdict = verdicts.get(claim.id)
        found = one_line(verdict.found or verdict.why) if verdict else ""
        link = f"[{study.name}]({target})"
        rows.append([link, claim.text, claim.source, marked_answer(claim, verdict), basis_of(verdict), found])
    return rows
