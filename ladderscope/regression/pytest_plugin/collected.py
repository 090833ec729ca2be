"""What a session collected: it tells entries of the baseline whose tests are gone from those that were left out."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ladderscope.regression.pytest_plugin.marks import is_compared
from ladderscope.regression.pytest_plugin.tests_baseline import name_of

_OUTPUT = "ladderscope_collected"


@dataclass(frozen=True)
class Collected:
    """The files that a session collected whole.

    Args:
        tests: in them that have an entry, or should, by name.
        files: relative to rootdir, as in names.
        root: rootdir.
        paths: files and folders that the session was asked to collect.
    """

    tests: Collection[str] = ()
    files: Collection[str] = ()
    root: Path = Path()
    paths: Collection[Path] = ()

    def is_gone(self, name: str) -> bool:
        """Whether an entry has no test any more: its file was collected without it, or does not exist any more.

        Of files elsewhere than below the session's paths nothing is known.
        """
        file = _file_of(name)
        if file in self.files:
            return name not in self.tests
        path = Path(os.path.normpath(self.root / file))
        return not path.exists() and any(path.is_relative_to(asked) for asked in self.paths)


NOTHING_KNOWN = Collected()


class Collecting:
    """Hooks that follow the collection of a session; under xdist it is the workers that collect."""

    def __init__(self) -> None:
        self._items: list[pytest.Item] = []
        self._files: set[str] = set()
        self._not_whole: set[str] = set()
        self._found: dict[str, list[str]] | None = None

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """A test was found; it may yet be deselected."""
        self._items.append(item)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A folder, file or class was collected, or could not be."""
        (self._files if report.passed else self._not_whole).add(_file_of(report.nodeid))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what was found, unless tests were left out; a worker of xdist hands it on behind its last test."""
        # Of the tests themselves nothing is kept: they must not outlive the session.
        items, self._items = self._items, []
        if _asks_for_a_part(session.config) or not set(session.items).issuperset(items):
            return
        tests = [name_of(item) for item in session.items if is_compared(item)]
        self._found = {"tests": tests, "files": sorted(self._files - self._not_whole)}
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput[_OUTPUT] = self._found

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker found: all of them collect the same; one that crashed hands on nothing."""
        self._found = getattr(node, "workeroutput", {}).get(_OUTPUT, self._found)

    def result(self, session: pytest.Session, exitstatus: int) -> Collected:
        """What was collected; nothing where tests were left out: by ``-k``, ``--lf``, ``-x``, their names and such."""
        ran = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if self._found is None or not ran or session.shouldfail or session.shouldstop:
            return NOTHING_KNOWN
        config = session.config
        paths = [Path(os.path.normpath(config.invocation_params.dir / argument)) for argument in config.args]
        tests, files = (frozenset(self._found[key]) for key in ("tests", "files"))
        return Collected(tests, files, config.rootpath, paths)


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _asks_for_a_part(config: pytest.Config) -> bool:
    # --lf passes over whole files, and reports that they were collected and are empty.
    part = config.getoption("collectonly") or config.getoption("lf", False)
    return bool(part) or any("::" in argument for argument in config.args)
