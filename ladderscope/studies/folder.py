"""Studies on disk: a folder with ``study.yaml``, ``analysis.py`` and, once it was run, ``ledger.jsonl``."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

from ladderscope.errors import LadderscopeError, UnknownNameError, UsageError
from ladderscope.ledger import read_ledger
from ladderscope.records import Cell, Record
from ladderscope.studies.definition import Definition, read_definition
from ladderscope.studies.findings import Findings

DEFINITION, ANALYSIS, OWN_RUN = "study.yaml", "analysis.py", "run.py"
LEDGER, QUICK_LEDGER = "ledger.jsonl", "quick.jsonl"

Wanted = tuple[Cell, str]
"""A cell and the GPU that it is to be predicted for."""


@dataclass(frozen=True)
class Study:
    """A study: where it is, and what it says."""

    folder: Path
    definition: Definition

    @property
    def name(self) -> str:
        """That of its folder."""
        return self.folder.name

    def ledger(self, *, quick: bool = False) -> Path:
        """The committed ledger, or the one of ``--quick``."""
        return self.folder / (QUICK_LEDGER if quick else LEDGER)

    def records(self) -> list[Record]:
        """Those of the committed ledger; none where there is no such file.

        Raises:
            LedgerError: it is no ledger.
        """
        return read_ledger(self.ledger()) if self.ledger().exists() else []

    def analyse(self, records: Sequence[Record]) -> Findings:
        """What ``analyse(records, bounds)`` of ``analysis.py`` finds; the bounds are those of ``study.yaml``.

        Raises:
            UsageError: there is no such function, it fails, or it gives something else.
        """
        analyse = getattr(self._analysis, "analyse", None)
        if analyse is None:
            raise UsageError(f"{self.folder / ANALYSIS} must define `analyse(records, bounds)`, which gives Findings.")
        with _failures_named(self.folder / ANALYSIS):
            findings = analyse(records, self.definition.bounds)
        if not isinstance(findings, Findings):
            raise UsageError(
                f"`analyse` of {self.folder / ANALYSIS} must give Findings, not {type(findings).__name__}."
            )
        return findings

    def further(self, records: Sequence[Record]) -> Sequence[Wanted]:
        """Cells that the records so far make necessary, as in a search; ``further(records)`` of ``analysis.py``.

        Raises:
            UsageError: it fails.
        """
        further: Callable[[Sequence[Record]], Sequence[Wanted]] | None = getattr(self._analysis, "further", None)
        with _failures_named(self.folder / ANALYSIS):
            return [] if further is None else list(further(records))

    @property
    def has_quick_run(self) -> bool:
        """Whether ``--quick`` has something to run; a study that runs by itself has a quick part of its own."""
        return bool(self.definition.quick_grid) or (self.folder / OWN_RUN).exists()

    @property
    def own_run(self) -> Callable[[Any], None] | None:
        """``run(context)`` of the study's ``run.py``, where it has one: it then fills its ledger by itself.

        Raises:
            UsageError: a ``run.py`` without that function.
        """
        path = self.folder / OWN_RUN
        if not path.exists():
            return None
        run: Callable[[Any], None] | None = getattr(_load(path, self.name), "run", None)
        if run is None:
            raise UsageError(f"{path} must define `run(context)`.")
        return run

    @cached_property
    def _analysis(self) -> ModuleType:
        return _load(self.folder / ANALYSIS, self.name)


def find_studies(root: Path) -> list[Study]:
    """All studies below a folder, by name; folders without ``study.yaml`` are none.

    Raises:
        UsageError: there is no such folder, or a study that cannot be read.
    """
    if not root.is_dir():
        raise UsageError(f"there is no folder {root}: name the one that holds the studies with --studies.")
    return [Study(path.parent, read_definition(path)) for path in sorted(root.glob(f"*/{DEFINITION}"))]


def find_study(root: Path, name: str) -> Study:
    """The study of that name.

    Raises:
        UsageError: as :func:`find_studies`; an unknown name proposes the nearest.
    """
    studies = {study.name: study for study in find_studies(root)}
    if not studies:
        raise UsageError(f"{root} holds no study: name the folder that does with --studies.")
    if name not in studies:
        raise UnknownNameError("study", name, studies)
    return studies[name]


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    """A study's own code is its author's input: what goes wrong in it is said in a sentence, with the line."""
    try:
        yield
    except LadderscopeError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).parent == path.parent]
        where = f"{own[-1].filename}, line {own[-1].lineno}" if own else str(path)
        what = " ".join(f"{type(error).__name__}: {error}".split())
        raise UsageError(f"the study's code failed with {what} ({where}): mend it.") from error


def _load(path: Path, study: str) -> ModuleType:
    """The module at ``path``, which may import its neighbours: ``from .cards import CARDS``."""
    if not path.exists():
        raise UsageError(f"the study {study} has no {path.name}: write one into {path.parent}.")
    name = f"ladderscope_study_{study}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[str(path.parent)])
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    for stale in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[stale]
    sys.modules[name] = module  # dataclasses look their module up
    with _failures_named(path):
        spec.loader.exec_module(module)
    return module
