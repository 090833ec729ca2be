"""Sentences about a whole check that outputs share: what may grow, what an interruption left out."""

from __future__ import annotations

from collections.abc import Sequence

from ladderscope.regression.outputs.wording import entries_text
from ladderscope.regression.verdict import CheckResult

_NAMED = 5
"""Entries that a sentence names which speaks of many."""


def limits_text(result: CheckResult) -> str:
    """What may grow by how much, in a sentence."""
    if result.limits:
        limits = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in result.limits.items())
        return f"Allowed growth: {limits}."
    # What no longer fits its GPU is a regression without a limit too.
    return "No metric has a limit." if result.regressions else "No metric has a limit, so nothing can fail."


def interruption_text(result: CheckResult) -> str:
    """What an interruption left out, in a sentence; empty where all has been run and nobody interrupted it."""
    names = names_text(result.not_run, "; ")
    if not result.is_interrupted:
        return f"{entries_text(len(result.not_run))} not run: {names}." if names else ""
    if not names:
        return "Interrupted, though every entry had been run by then."
    return f"Interrupted: {entries_text(len(result.not_run))} not run: {names}."


def names_text(names: Sequence[str], separator: str) -> str:
    """The first few names, and how many more there are."""
    named = list(names[:_NAMED])
    if len(names) > _NAMED:
        named.append(f"{entries_text(len(names) - _NAMED)} more")
    return separator.join(named)
