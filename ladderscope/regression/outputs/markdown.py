"""A check as Markdown: for the summary of a job, or a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ladderscope.regression.causes import cause_lines
from ladderscope.regression.metrics import PEAK_ALLOCATED, PEAK_RESERVED
from ladderscope.regression.outputs.sentences import interruption_text, limits_text
from ladderscope.regression.outputs.wording import (
    ACCEPT,
    KEEP_IMPROVEMENTS,
    NO_CAUSE,
    allowed_text,
    change_text,
    change_word,
    counts_text,
    entries_text,
    error_text,
    first_line,
    how_all,
    how_of,
    metric_text,
    never_fitting_text,
    percent_text,
    shown_changes,
    unchecked_text,
    value_texts,
)
from ladderscope.regression.shared_causes import shared_lines
from ladderscope.regression.verdict import CheckResult, EntryVerdict
from ladderscope.units import MIB

MAX_BYTES = MIB
"""Of the summary of a step on GitHub."""
_CUT = "The rest is left out, since a summary holds no more; the output of `ladderscope check` has all of it."
_SPECIAL = re.compile(r"([\\`*_\[\]|~$#])")
_MARKS = {"regression": "🔴", "improvement": "🟢", "changed": "⚪"}
_CAUSES, _CAUSES_OF_OTHERS = 5, 2


def markdown_of(result: CheckResult, max_bytes: int = MAX_BYTES) -> str:
    """The check as Markdown, regressions first; what is unchanged is folded.

    Args:
        result: the check.
        max_bytes: of the text in UTF-8; what is longer is cut at a line, with a sentence that says so.
    """
    blocks = [
        _head(result),
        _unmeasured(result.having("failed", "missing")),
        _table([*result.regressions, *result.having("improvement", "changed")]),
        [f"- **{escaped(line)}**" for line in shared_lines(result.regressions)],
        *(_causes(verdict, _CAUSES) for verdict in result.regressions),
        _advice(result),
        *(_causes(v, _CAUSES_OF_OTHERS) for v in result.having("improvement", "changed")),
        *(_causes(verdict, 0) for verdict in result.having("same") if cause_lines(verdict)),
        _unchanged(result.having("same")),
    ]
    return _cut([line for block in blocks if block for line in (*block, "")], max_bytes)


def escaped(text: str) -> str:
    """The text as Markdown shows it: on one line, with nothing that formats, links or ends a cell of a table."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", text)


def _head(result: CheckResult) -> list[str]:
    number = entries_text(len(result.verdicts))
    sentences = [
        f"{number} checked against {escaped(str(result.baseline))}. {how_all(result)}".strip(),
        escaped(limits_text(result)),
        escaped(unchecked_text(result)),
        never_fitting_text(result),
    ]
    interruption = interruption_text(result)
    return [
        f"### Memory check: {counts_text(result)}",
        "",
        *([f"**{escaped(interruption)}**", ""] if interruption else []),
        " ".join(filter(None, sentences)),
    ]


def _unmeasured(verdicts: Sequence[EntryVerdict]) -> list[str]:
    if not verdicts:
        return []
    rows = [("🟠", escaped(v.name), escaped(first_line(error_text(v)))) for v in verdicts]
    return ["**Could not be compared**", "", *_rows(("", "entry", "why"), "lll", rows)]


def _table(verdicts: Sequence[EntryVerdict]) -> list[str]:
    rows = []
    for verdict in verdicts:
        for change in shown_changes(verdict):
            before, after = value_texts(change)
            word = change_word(change)
            metric = f"{change.metric.title}, {how_of(verdict)}"
            numbers = (before, after, change_text(change), percent_text(change), allowed_text(change))
            rows.append((f"{_MARKS[word]} {word}", escaped(verdict.name), metric, *numbers))
    if not rows:
        return []
    return _rows(("", "entry", "metric", "baseline", "now", "change", "percent", "allowed"), "lllrrrrr", rows)


def _rows(header: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> list[str]:
    rule = ["---:" if side == "r" else "---" for side in align]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def _causes(verdict: EntryVerdict, most: int) -> list[str]:
    lines = cause_lines(verdict, most) or [NO_CAUSE]
    bullets = [f"{'  ' if line.startswith(' ') else ''}- {escaped(line)}" for line in lines]
    return [f"**{escaped(verdict.name)}** ({verdict.outcome}, {how_of(verdict)})", "", *bullets]


def _advice(result: CheckResult) -> list[str]:
    advice = [ACCEPT] if result.regressions else []
    changes = [change for verdict in result.verdicts for change in verdict.changes]
    return [*advice, *([KEEP_IMPROVEMENTS] if any(change.is_improvement for change in changes) else [])]


def _unchanged(verdicts: Sequence[EntryVerdict]) -> list[str]:
    if not verdicts:
        return []
    rows = [
        (escaped(v.name), how_of(v), metric_text(v.after, PEAK_ALLOCATED), metric_text(v.after, PEAK_RESERVED))
        for v in verdicts
        if v.after is not None
    ]
    table = _rows(("entry", "", "peak allocated", "peak reserved"), "llrr", rows)
    return [f"<details><summary>{entries_text(len(verdicts))} unchanged</summary>", "", *table, "", "</details>"]


def _cut(lines: Sequence[str], max_bytes: int) -> str:
    """The lines that fit; a fold that is open where the text is cut is closed."""
    whole = "\n".join(lines).rstrip("\n") + "\n"
    if len(whole.encode()) <= max_bytes:
        return whole
    ending = f"\n</details>\n\n{_CUT}\n"
    left = max_bytes - len(ending.encode())
    kept: list[str] = []
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    is_open = sum(line.startswith("<details>") for line in kept) > sum(line == "</details>" for line in kept)
    return "\n".join(kept) + (ending if is_open else f"\n{_CUT}\n")
