"""Annotations and step outputs of GitHub Actions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ladderscope.regression.causes import cause_lines
from ladderscope.regression.outputs.github_line import line_of
from ladderscope.regression.outputs.sentences import interruption_text, names_text
from ladderscope.regression.outputs.wording import (
    KEEP_IMPROVEMENTS,
    counts_of,
    counts_text,
    entries_text,
    error_text,
    how_of,
    sentence_of,
)
from ladderscope.regression.verdict import CheckResult, EntryVerdict

SHOWN = 9
"""Annotations of a kind; GitHub shows ten for each step, and the tenth is for the sum of the rest."""


def annotations_of(result: CheckResult) -> list[str]:
    """Lines for the log that GitHub shows beside the baseline.

    Errors for an interruption, for the nine worst regressions and for what could not be measured, and one that counts
    all where they are more; one notice for all improvements.
    """
    unmeasured = result.having("failed", "missing")
    interruption = interruption_text(result)
    errors = [
        *([_annotation("error", result, "Memory check not complete", interruption)] if interruption else []),
        *(_annotation("error", result, f"Memory regression: {v.name}", _message(v)) for v in result.regressions),
        *(_annotation("error", result, f"Not measured: {v.name}", error_text(v)) for v in unmeasured),
    ]
    if len(errors) > SHOWN:
        rest = len(errors) - SHOWN
        text = (
            f"{entries_text(rest)} more failed the check: {counts_text(result)}. The step's summary has all of them."
        )
        errors = [*errors[:SHOWN], _annotation("error", result, "Memory check", text)]
    return [*errors, *_improvements(result)]


def _message(verdict: EntryVerdict) -> str:
    sentences = [sentence_of(change, how_of(verdict)) for change in verdict.regressions]
    return "\n".join([*sentences, *cause_lines(verdict)])


def _improvements(result: CheckResult) -> list[str]:
    improved = result.having("improvement")
    if not improved:
        return []
    named = names_text([f"{verdict.name}: {_first_improvement(verdict)}" for verdict in improved], "\n")
    title = f"Memory improved: {entries_text(len(improved))}"
    return [_annotation("notice", result, title, f"{named}\n{KEEP_IMPROVEMENTS}")]


def _first_improvement(verdict: EntryVerdict) -> str:
    return next(sentence_of(change, how_of(verdict)) for change in verdict.changes if change.is_improvement)


def _annotation(kind: str, result: CheckResult, title: str, message: str) -> str:
    return line_of(kind, message, file=_path_in_repository(result.baseline), title=title)


def _path_in_repository(path: Path) -> str:
    """Where GitHub finds the file: paths of annotations are those in the checkout."""
    root = Path(os.path.realpath(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()))
    # Not of the file itself: where that is a link, the link is what the repository has under its name.
    real = Path(os.path.realpath(path.parent)) / path.name
    return (real.relative_to(root) if real.is_relative_to(root) else Path(os.path.normpath(path))).as_posix()


def outputs_of(result: CheckResult) -> dict[str, str]:
    """Values for ``$GITHUB_OUTPUT``, each on one line; names are those of ``steps.<id>.outputs``."""
    worst: Sequence[EntryVerdict] = result.regressions[:1]
    counts = counts_of(result)
    return {
        "exit-code": str(result.exit_code),
        "entries": str(len(result.verdicts)),
        "regressions": str(counts.get("regression", 0)),
        "failed": str(counts.get("failed", 0) + counts.get("missing", 0)),
        "improvements": str(counts.get("improvement", 0)),
        "worst": " ".join(worst[0].name.split()) if worst else "",
        "summary": counts_text(result),
    }
