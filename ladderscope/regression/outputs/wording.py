"""Words and numbers that all outputs share."""

from __future__ import annotations

from ladderscope.regression.entry import Entry
from ladderscope.regression.metrics import FLOPS, PEAK_ALLOCATED, PEAK_RESERVED, SAVED_FOR_BACKWARD, TRAINABLE_PARAMS
from ladderscope.regression.verdict import CheckResult, EntryVerdict, MetricChange, Outcome

OUTCOMES: dict[Outcome, str] = {
    "regression": "regression",
    "failed": "could not be measured",
    "missing": "not in the baseline",
    "improvement": "improvement",
    "changed": "changed within limits",
    "same": "unchanged",
    "new": "new",
    "removed": "removed",
}
"""For people, in the order in which they are shown."""
_OF_UPDATES: dict[Outcome, str] = {"regression": "grew", "improvement": "shrank", "changed": "changed"}
UPDATE = "ladderscope check --update"
KEEP_IMPROVEMENTS = f"What improved is not guarded yet: run `{UPDATE}` to make it the new baseline."
ACCEPT = f"Where the growth is meant, accept it with `{UPDATE}` and commit the file."
NO_CAUSE = "Nothing more is known about the cause."

_HEADLINES = (PEAK_ALLOCATED, PEAK_RESERVED, SAVED_FOR_BACKWARD, FLOPS, TRAINABLE_PARAMS)
_EXACT_UNITS = {"bytes": " B", "FLOP": " FLOP", "parameters": ""}
_SMALLEST_PERCENT = 0.01


def entries_text(number: int) -> str:
    """``"1 entry"``, ``"2 entries"``."""
    return f"{number} {'entry' if number == 1 else 'entries'}"


def counts_of(result: CheckResult) -> dict[Outcome, int]:
    """How many entries have each outcome, of those that occur."""
    counts = {outcome: len(result.having(outcome)) for outcome in OUTCOMES}
    return {outcome: number for outcome, number in counts.items() if number}


def counts_text(result: CheckResult, *, of_update: bool = False) -> str:
    """``"2 regressions, 1 improvement, 21 unchanged"``; of an update ``"2 grew, 1 shrank, 21 unchanged"``."""
    counts = counts_of(result).items()
    if of_update:
        texts = [f"{number} {_OF_UPDATES.get(outcome, OUTCOMES[outcome])}" for outcome, number in counts]
    else:
        texts = [_counted(number, outcome) for outcome, number in counts]
    if result.not_run:
        texts.append(f"{len(result.not_run)} not run")
    return ", ".join(texts) or "no entries"


def _counted(number: int, outcome: Outcome) -> str:
    plural = "s" if number > 1 and outcome in ("regression", "improvement") else ""
    return f"{number} {OUTCOMES[outcome]}{plural}"


def unchecked_text(result: CheckResult) -> str:
    """Which entries of the baseline were left out and why; empty where none was."""
    if not result.unchecked:
        return ""
    parts = ", ".join(f"{entries_text(number)} ({reason})" for reason, number in result.unchecked.items())
    return f"Not checked: {parts}."


def never_fitting_text(result: CheckResult) -> str:
    """How many entries do not fit their GPU and did not before; empty where all others are told of."""
    number = sum(
        verdict.before is not None
        and verdict.after is not None
        and verdict.before.status == verdict.after.status == "oom"
        for verdict in result.verdicts
    )
    verb, whose = ("does", "its") if number == 1 else ("do", "their")
    return f"{entries_text(number)} {verb} not fit {whose} GPU, in the baseline and now." if number else ""


def how(entry: Entry | None) -> str:
    """Whether its numbers are predicted or measured; empty where there is no entry."""
    if entry is None:
        return ""
    return "predicted" if entry.is_prediction else "measured"


def how_of(verdict: EntryVerdict) -> str:
    """The same of a verdict."""
    return how(verdict.after or verdict.before)


def how_all(result: CheckResult) -> str:
    """``"All numbers are predicted."``, or of what kinds they are."""
    kinds = [kind for kind in dict.fromkeys(map(how_of, result.verdicts)) if kind]
    if not kinds:
        return ""
    return f"All numbers are {kinds[0]}." if len(kinds) == 1 else "Some numbers are predicted, others measured."


def value_texts(change: MetricChange) -> tuple[str, str]:
    """Both values for people; exact where they would read the same and are not."""
    texts = change.metric.format(change.before), change.metric.format(change.after)
    if texts[0] != texts[1] or not change.change:
        return texts
    return exact_text(change, change.before), exact_text(change, change.after)


def exact_text(change: MetricChange, value: int) -> str:
    """A value of its metric with all digits: ``"680,411,648 B"``."""
    return f"{value:,}{_EXACT_UNITS[change.metric.unit]}"


def change_text(change: MetricChange) -> str:
    """``"+36 MiB"``; ``"0"`` where nothing changed."""
    return change.metric.format_change(change.change) if change.change else "0"


def percent_text(change: MetricChange) -> str:
    """``"+5.5%"``; empty where there was nothing before."""
    if change.percent is None:
        return ""
    if 0 < abs(change.percent) < _SMALLEST_PERCENT:
        return f"{'+' if change.change > 0 else '-'}<{_SMALLEST_PERCENT}%"
    return f"{change.percent:+.{1 if abs(change.percent) >= 1 else 2}f}%" if change.change else "0%"


def allowed_text(change: MetricChange) -> str:
    """The increase that its limit lets pass: ``"0"``, ``"+14 MiB"``; ``"no limit"``."""
    if change.allowed is None:
        return "no limit"
    return change.metric.format_change(change.allowed) if change.allowed else "0"


def sentence_of(change: MetricChange, kind: str) -> str:
    """``"peak allocated (predicted): 649 MiB -> 778 MiB, +129 MiB (+19.9%); allowed: 0"``."""
    before, after = value_texts(change)
    percent = percent_text(change)
    of_all = f" ({percent})" if percent else ""
    title = f"{change.metric.title} ({kind})" if kind else change.metric.title
    return f"{title}: {before} -> {after}, {change_text(change)}{of_all}; allowed: {allowed_text(change)}"


def shown_changes(verdict: EntryVerdict) -> list[MetricChange]:
    """The changes that a table shows: those past or under their limit, else those that say most."""
    verdicts = [change for change in verdict.changes if change.is_regression or change.is_improvement]
    limited = [change for change in verdict.changes if change.change and change.allowed is not None]
    changed = [change for change in verdict.changes if change.change]
    headlines = [change for change in changed if change.name in _HEADLINES]
    return verdicts or limited or headlines or changed[:1]


def change_word(change: MetricChange) -> str:
    """What became of one metric."""
    if change.is_regression:
        return "regression"
    return "improvement" if change.is_improvement else "changed"


def metric_text(entry: Entry, metric: str = PEAK_ALLOCATED) -> str:
    """The value of a metric of one entry, for people; ``"-"`` where it has none."""
    value = entry.values.get(metric)
    return "-" if value is None else MetricChange(metric, value, value, None).metric.format(value)


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def error_text(verdict: EntryVerdict) -> str:
    """Why it could not be measured, in a sentence."""
    if verdict.outcome == "missing":
        return verdict.error or f"It is not in the baseline: add it with `{UPDATE}`."
    return verdict.error or "It could not be measured."
