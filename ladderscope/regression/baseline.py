"""The baseline: entries that somebody has reviewed, in one file that is the same for the same entries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ladderscope.errors import BaselineError, CannotMeasureError, UsageError
from ladderscope.regression.entry import Entry
from ladderscope.regression.limits import DEFAULT_FAIL_ON, limits_of
from ladderscope.whole_files import write_atomically

FILE_NAME = "ladderscope-baseline.json"
SCHEMA_VERSION = 1
ABOUT = (
    "Written by `ladderscope check --update` and `pytest --ladderscope-update`; fail_on is yours to edit. "
    "Memory in bytes; a place with {0-3} stands for four, its bytes are those of each."
)
_PARTS = frozenset({"about", "schema_version", "fail_on", "cells", "tests"})
_ON_ONE_LINE = frozenset({"settings", "asked", "versions", "flops"})
"""Parts of an entry that are short, and read better together."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Entries by name.

    Args:
        cells: checked by ``ladderscope check``.
        tests: checked by the pytest plugin, by node id.
        fail_on: how much each metric may grow, as text: ``{"peak_reserved": "2%"}``.
    """

    cells: Mapping[str, Entry] = field(default_factory=dict)
    tests: Mapping[str, Entry] = field(default_factory=dict)
    fail_on: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_FAIL_ON))


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        CannotMeasureError: there is no such file.
        BaselineError: it cannot be read, or was written by a newer ladderscope.
        UsageError: a threshold in it that makes no sense.
    """
    try:
        # Some editors put a mark in front of UTF-8.
        values = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_repetition)
    except FileNotFoundError:
        raise CannotMeasureError(
            f"there is no baseline {path}: make one with --update, review and commit it."
        ) from None
    except OSError as error:
        raise BaselineError(f"cannot read the baseline {path}: {error.strerror}.") from error
    except BaselineError as error:
        raise _unusable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"the baseline {path} is not JSON ({error}): restore it from version control.") from error
    try:
        return _parse(values)
    except BaselineError as error:
        raise _unusable(path, error) from error
    except UsageError as error:
        raise UsageError(f"fail_on in the baseline {path}: {error}") from error


def _unusable(path: Path, error: BaselineError) -> BaselineError:
    sentence = str(error)
    return BaselineError(f"cannot use the baseline {path}: {sentence}{'' if sentence.endswith(('?', '.')) else '.'}")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; merging by hand can leave both sides of a line, of which JSON would silently take the last."""
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        raise BaselineError(f"it has {next(name for name in values if names.count(name) > 1)!r} twice")
    return values


def _parse(values: Any) -> Baseline:
    version = values.get("schema_version") if isinstance(values, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BaselineError("it has no schema_version, so it is not a baseline of ladderscope")
    if version > SCHEMA_VERSION:
        raise BaselineError(
            f"it has schema version {version} and this ladderscope reads up to {SCHEMA_VERSION}; upgrade ladderscope"
        )
    wrong = sorted(set(values) - _PARTS)
    if wrong:
        raise BaselineError(f"it has an unknown part {wrong[0]!r}")
    # Without fail_on nothing would ever fail: that has to be said, with {}.
    parts = {"cells": {}, "tests": {}, "fail_on": DEFAULT_FAIL_ON, **values}
    cells, tests, fail_on = (parts[part] for part in ("cells", "tests", "fail_on"))
    if not all(isinstance(part, dict) for part in (cells, tests, fail_on)):
        raise BaselineError("its cells, tests and fail_on must be objects")
    return Baseline(
        {name: Entry.from_json(name, entry) for name, entry in cells.items()},
        {name: Entry.from_json(name, entry) for name, entry in tests.items()},
        {name: limit.text for name, limit in limits_of(fail_on).items()},
    )


def write_baseline(path: Path, baseline: Baseline) -> bool:
    """Write the baseline, whole or not at all.

    Returns:
        Whether the file changed.

    Raises:
        UsageError: it cannot be written.
    """
    text = text_of(baseline)
    if _text_in(path) == text:
        return False
    write_atomically(path, text, option="--baseline")
    return True


def _text_in(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def text_of(baseline: Baseline) -> str:
    """The file's text: everything sorted, a line for each number."""
    parts: dict[str, Any] = {
        "about": ABOUT,
        "schema_version": SCHEMA_VERSION,
        "fail_on": dict(sorted(baseline.fail_on.items())),
    }
    for name, entries in (("cells", baseline.cells), ("tests", baseline.tests)):
        if entries:
            parts[name] = {key: entries[key].to_json() for key in sorted(entries)}
    return _dump(parts, "") + "\n"


def _dump(value: Any, indent: str) -> str:
    """JSON with short parts on one line. Order is that of the values, which is fixed."""
    if not isinstance(value, dict) or not value:
        return _json(value)
    deeper = indent + " "
    lines = [f"{deeper}{_json(key)}: {_part(key, part, deeper)}" for key, part in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _part(key: str, value: Any, indent: str) -> str:
    if key in _ON_ONE_LINE and isinstance(value, dict):
        return _json(dict(sorted(value.items())))
    return _dump(value, indent)


def _json(value: Any) -> str:
    """Names as they are; what UTF-8 cannot hold, half of a pair in a file's name, as JSON's own escape."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")
