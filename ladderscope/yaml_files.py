"""Mappings that people write in YAML: settings, grids, studies, options of engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ladderscope.errors import UsageError


def read_mapping(path: Path, title: str, shape: str) -> dict[Any, Any]:
    """The one mapping of a YAML file.

    Args:
        path: of the file.
        title: what it is to its user, ``"the settings file"``.
        shape: what it has to be, ``"map names such as `lr` to values"``.

    Raises:
        UsageError: the file cannot be read, or is no YAML, or holds something else.
    """
    return _checked([_load(path, title, several=False)], path, title, shape)[0]


def read_mappings(path: Path, title: str, shape: str) -> list[dict[Any, Any]]:
    """The mappings of a YAML file that ``---`` separates, one at least; else as :func:`read_mapping`."""
    return _checked(_load(path, title, several=True), path, title, shape)


def _load(path: Path, title: str, *, several: bool) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text)) if several else yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"cannot read {title} {path}: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{title} {path} is not YAML: {_problem(error)}.") from error


def _problem(error: Exception) -> str:
    """In one line: what is wrong, and in which line of the file."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return " ".join(str(error).split())
    return f"{getattr(error, 'problem', None)} (line {mark.line + 1})"


def _checked(documents: list[Any], path: Path, title: str, shape: str) -> list[dict[Any, Any]]:
    if not documents or not all(isinstance(values, dict) for values in documents):
        raise UsageError(f"{title} {path} must {shape}.")
    return documents
