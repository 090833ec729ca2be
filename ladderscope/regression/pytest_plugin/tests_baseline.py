"""The part of a baseline that tests have: compared with, and updated at the end of a session."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from ladderscope.errors import CannotMeasureError, LadderscopeError
from ladderscope.regression.pytest_plugin.options import Options
from ladderscope.regression.pytest_plugin.watch import Watch, Watched
from ladderscope.units import counted

if TYPE_CHECKING:
    from ladderscope.regression.baseline import Baseline
    from ladderscope.regression.entry import Entry

IsGone = Callable[[str], bool]
"""Whether the test of an entry, by its name, is known to be gone."""


def name_of(item: pytest.Item) -> str:
    """The node id, without what xdist adds to that of a test in a group: it is the same with and without xdist."""
    groups = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in _groups(item)}
    return item.nodeid.removesuffix(f"@{'_'.join(sorted(groups))}") if groups else item.nodeid


def _groups(item: pytest.Item) -> Sequence[pytest.Mark]:
    return list(item.iter_markers("xdist_group"))


class TestsBaseline:
    """Entries of tests: those of the file, and those of this session.

    Args:
        options: which file, and whether to update it.
    """

    __test__ = False

    def __init__(self, options: Options) -> None:
        self._options = options
        self._taken: dict[str, Any] = {}
        self._improvements: dict[str, str] = {}
        self._gone: list[str] = []
        self._told: list[str] = []

    # ---- in the process that runs tests ----------------------------------------------------------------------------

    @functools.cached_property
    def _file(self) -> Baseline:
        """What the file holds; nothing where there is none."""
        from ladderscope.regression.baseline import Baseline, read_baseline

        try:
            return read_baseline(self._options.baseline)
        except CannotMeasureError:
            return Baseline()

    def refuse_if_broken(self) -> None:
        """Refuse a file that cannot be used.

        Raises:
            pytest.UsageError: it cannot be read, or was written by a newer ladderscope.
        """
        if not self._options.baseline.exists():
            return
        try:
            _ = self._file
        except LadderscopeError as error:
            raise pytest.UsageError(str(error)) from None

    def judge(self, name: str, watch: Watch, watched: Watched) -> None:
        """Compare a test with its entry; an update takes it as it is."""
        from ladderscope.regression.limits import limits_of
        from ladderscope.regression.pytest_plugin.judging import entry_of_test, judge_entry
        from ladderscope.regression.pytest_plugin.thresholds import without_backward

        watch.entry = entry_of_test(name, watched)
        watch.refusal = without_backward(watch.entry, watch.asked.fail_on)
        if not watch.refusal and not self._options.updates:
            limits = {**limits_of(self._file.fail_on), **self._options.fail_on, **watch.asked.fail_on}
            judge_entry(watch, watch.entry, self._file.tests.get(name), limits, watched.how)

    def findings(self, name: str, watch: Watch) -> dict[str, Any] | None:
        """What a passing test hands to the end of the session, as plain data; None where there is nothing to say."""
        if watch.entry is not None and self._options.updates:
            return {"name": name, "entry": watch.entry.to_json()}
        return {"name": name, "improvement": watch.improvement} if watch.improvement else None

    # ---- in the process that has all reports -----------------------------------------------------------------------

    def take(self, found: dict[str, Any]) -> None:
        """Keep what a test found until the end."""
        if "entry" in found:
            self._taken[found["name"]] = found["entry"]
        else:
            self._improvements[found["name"]] = found["improvement"]

    def look_for_gone(self, is_gone: IsGone) -> None:
        """Remember entries whose tests are gone, for the summary."""
        self._gone = self._gone_in_file(is_gone)

    def _gone_in_file(self, is_gone: IsGone) -> list[str]:
        from ladderscope.regression.baseline import read_baseline

        try:
            return sorted(filter(is_gone, read_baseline(self._options.baseline).tests))
        except LadderscopeError:
            return []  # those who need the file have said so

    def write(self, is_gone: IsGone) -> bool:
        """Write what was taken without entries whose tests are gone, and leave all else in the file as it is now.

        Returns:
            False where that failed.
        """
        from ladderscope.regression.entry import Entry
        from ladderscope.regression.update_file import update_file

        path = self._options.baseline
        if not self._taken and not self._gone_in_file(is_gone):
            self._told = [f"{path.name} is as it was: no test with memory_baseline passed."]
            return True

        def change(before: Baseline) -> Baseline:
            entries = {name: Entry.from_json(name, values) for name, values in self._taken.items()}
            gone = sorted(filter(is_gone, before.tests.keys() - entries.keys()))
            self._told = _update_lines(path.name, before, entries, gone)
            kept = {name: entry for name, entry in before.tests.items() if name not in gone}
            return dataclasses.replace(before, tests={**kept, **entries})

        try:
            update_file(path, change)
        except LadderscopeError as error:
            self._told = [f"ERROR: {error}"]
            return False
        return True

    def summary(self) -> list[str]:
        """Lines for the end of a session; none where there is nothing to say."""
        if self._options.updates:
            return self._told
        return [*_improvement_lines(self._improvements), *_gone_lines(self._gone)]


def _improvement_lines(improvements: dict[str, str]) -> list[str]:
    if not improvements:
        return []
    lines = [f"{name}: {text}" for name, text in sorted(improvements.items())]
    fewer = f"{counted(len(lines), 'test')} {'needs' if len(lines) == 1 else 'need'} less memory than the baseline"
    return [*lines, f"{fewer}: keep that with pytest --ladderscope-update."]


def _gone_lines(gone: list[str]) -> list[str]:
    if not gone:
        return []
    entries = "1 entry of the baseline has" if len(gone) == 1 else f"{len(gone)} entries of the baseline have"
    return [
        *(f"no such test: {name}" for name in gone),
        f"{entries} no test with memory_baseline any more: remove that with pytest --ladderscope-update.",
    ]


def _update_lines(file: str, before: Baseline, entries: dict[str, Entry], gone: list[str]) -> list[str]:
    from ladderscope.regression.causes import cause_lines
    from ladderscope.regression.compare import compare

    new = sorted(name for name in entries if name not in before.tests)
    changed = sorted(name for name in entries if name in before.tests and before.tests[name] != entries[name])
    unchanged = len(entries) - len(new) - len(changed)
    removed = f", {len(gone)} removed" if gone else ""
    lines = [f"{file}: {counted(len(new), 'new test')}, {len(changed)} changed, {unchanged} unchanged{removed}."]
    lines += [f"new: {name}" for name in new]
    for name in changed:
        lines.append(f"changed: {name}")
        lines += [f"  {line}" for line in cause_lines(compare(before.tests[name], entries[name], {}))]
    return [*lines, *(f"removed: {name}" for name in gone)]
