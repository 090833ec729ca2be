"""From a baseline and what was taken now to verdicts; and from what was taken to a new baseline."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping

from ladderscope.regression.baseline import Baseline
from ladderscope.regression.compare import compare
from ladderscope.regression.entry import Entry
from ladderscope.regression.limits import Limits, limits_of
from ladderscope.regression.natural_order import natural_key
from ladderscope.regression.run import Taken
from ladderscope.regression.verdict import EntryVerdict

NOT_IN_BASELINE = "the baseline has no entry for it: add it with --update, review and commit"


def verdicts_of(names: Iterable[str], before: Mapping[str, Entry], taken: Taken, limits: Limits) -> list[EntryVerdict]:
    """The verdicts on the entries of these names that have been run, in the order of :func:`natural_key`."""
    return [
        _verdict(name, before.get(name), taken, limits)
        for name in sorted(names, key=natural_key)
        if name in taken.entries or name in taken.errors
    ]


def _verdict(name: str, before: Entry | None, taken: Taken, limits: Limits) -> EntryVerdict:
    if name in taken.errors:
        return EntryVerdict(name, "failed", before=before, error=taken.errors[name])
    after = taken.entries[name]
    if before is None:
        return EntryVerdict(name, "missing", after=after, error=NOT_IN_BASELINE)
    return compare(before, after, limits)


def updated(
    baseline: Baseline, taken: Taken, removed: Collection[str], fail_on: Mapping[str, str]
) -> tuple[Baseline, list[EntryVerdict]]:
    """The baseline with what was taken, and what is different in it.

    Args:
        baseline: as it is in the file when it is written, which may be minutes after the run was planned.
        taken: new entries; what could not be measured stays as it was.
        removed: names that are to go, where they have not gone already.
        fail_on: thresholds over those that the baseline states; they hold for the verdicts too.
    """
    cells = {name: entry for name, entry in baseline.cells.items() if name not in removed}
    fail_on = {**baseline.fail_on, **fail_on}
    limits = limits_of(fail_on)
    verdicts = verdicts_of({*taken.entries, *taken.errors}, baseline.cells, taken, limits)
    verdicts = [
        dataclasses.replace(verdict, outcome="new", error="") if verdict.outcome == "missing" else verdict
        for verdict in verdicts
    ]
    gone = baseline.cells.keys() & set(removed)
    verdicts += [EntryVerdict(name, "removed", before=baseline.cells[name]) for name in gone]
    new = dataclasses.replace(baseline, cells={**cells, **taken.entries}, fail_on=fail_on)
    return new, sorted(verdicts, key=lambda verdict: natural_key(verdict.name))
