"""Which entries a check is about: ``--select qlora``, ``--select 'method=ladder,seq_len=512'``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fnmatch import fnmatchcase

from ladderscope.errors import UnknownNameError, UsageError
from ladderscope.records import Cell
from ladderscope.regression.run import Subject
from ladderscope.units import counted

_FIELDS = frozenset(field.name for field in dataclasses.fields(Cell))


def check_patterns(patterns: Sequence[str]) -> None:
    """Refuse patterns that ask for a setting that no cell has.

    Raises:
        UnknownNameError: which one.
    """
    for pattern in patterns:
        for name, _ in _conditions(pattern):
            if name and name not in _FIELDS:
                raise UnknownNameError("setting in --select", name, _FIELDS)


def is_selected(subject: Subject, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns is met, or there is none.

    A pattern is a part of the name, a glob over all of it, or settings of the cell, all of which must be met.
    """
    return not patterns or any(all(_is_met(subject, *one) for one in _conditions(pattern)) for pattern in patterns)


def select(subjects: Sequence[Subject], patterns: Sequence[str]) -> list[Subject]:
    """The subjects that are selected.

    Raises:
        UsageError: a pattern selects none; the message names some of those that are there.
    """
    check_patterns(patterns)
    idle = [pattern for pattern in patterns if not any(is_selected(subject, [pattern]) for subject in subjects)]
    if subjects and idle:
        examples = "; ".join(subject.name for subject in subjects[:3])
        given = " ".join(f"--select {pattern!r}" for pattern in idle)
        raise UsageError(f"{given} matches none of {counted(len(subjects), 'cell')}, such as {examples}.")
    return [subject for subject in subjects if is_selected(subject, patterns)]


def _conditions(pattern: str) -> list[tuple[str, str]]:
    """Settings with their values, or a text for names, which has no setting."""
    parts = [part.strip().partition("=") for part in pattern.split(",")]
    if all(equals and name.strip().replace("-", "_").isidentifier() for name, equals, _ in parts):
        return [(name.strip().replace("-", "_"), value.strip()) for name, _, value in parts]
    return [("", pattern)]


def _is_met(subject: Subject, name: str, wanted: str) -> bool:
    if not name:
        return wanted.lower() in subject.name.lower() or fnmatchcase(subject.name.lower(), wanted.lower())
    return fnmatchcase(str(getattr(subject.cell, name)).lower(), wanted.lower())
