"""One page with the verdicts of all studies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ladderscope.studies.findings import Findings, verdicts_by_claim
from ladderscope.studies.folder import Study
from ladderscope.studies.markdown import one_line, table_text
from ladderscope.studies.readme import answer_of, basis_of

_HEAD = """# The papers' claims, and what came out

*Written by `ladderscope study report all` from the ledgers under `studies/`.*

Each claim has a study that anyone can run with one command, and a rule that decides, written before it was run.
*Predicted* verdicts rest on the simulated GPU, not on a run on a real one."""


def page_text(found: Sequence[tuple[Study, Findings | None]], page: Path) -> str:
    """The page.

    Args:
        found: the studies, with None where one was not run yet.
        page: where the page will be; its links start there.

    Raises:
        UsageError: findings that do not answer the claims one by one.
    """
    rows = [row for study, findings in found for row in _rows(study, findings, page.parent)]
    columns = ["study", "claim", "source", "verdict", "from numbers that are", "why"]
    return f"{_HEAD}\n\n{table_text(columns, rows)}\n"


def _rows(study: Study, findings: Findings | None, start: Path) -> list[list[str]]:
    claims = study.definition.claims
    verdicts = {} if findings is None else verdicts_by_claim(findings, claims, study.name)
    target = Path(os.path.relpath(study.folder / "README.md", start)).as_posix()
    rows = []
    for claim in claims:
        verdict = verdicts.get(claim.id)
        why = one_line(verdict.why) if verdict else ""
        link = f"[{study.name}]({target})"
        rows.append([link, claim.text, claim.source, f"**{answer_of(verdict)}**", basis_of(verdict), why])
    return rows
