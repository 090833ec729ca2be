"""Verdicts for where Markdown is not shown."""

from __future__ import annotations

from ladderscope.studies.definition import Claim
from ladderscope.studies.findings import Verdict
from ladderscope.studies.readme import marked_answer


def plain_answer(claim: Claim, verdict: Verdict | None) -> str:
    """What :func:`marked_answer` says, in plain text: ``'not reproduced: the factor is larger (post hoc)'``."""
    return marked_answer(claim, verdict).replace("**", "")
